// Ways to a real TPM: the machine's device nodes, or a given TCTI.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "sys/tpm/tpm.hpp"

#include <memory>
#include <string>

namespace sealmount {

/// Opens the machine's TPM: /dev/tpm0 for raw access, /dev/tpmrm0 for managed access.
[[nodiscard]] std::unique_ptr<TpmOpener> machine_tpm();

/// Opens one given TCTI (tss2-tctildr(7) notation, e.g. "swtpm:path=/run/swtpm.sock") for both kinds of
/// access.
[[nodiscard]] std::unique_ptr<TpmOpener> tpm_at(std::string tcti);

} // namespace sealmount
