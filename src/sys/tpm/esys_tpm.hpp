// The real Tpm: tpm2-tss's ESYS over whatever TCTI.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "sys/tpm/device_tcti.hpp"
#include "sys/tpm/tpm.hpp"

#include <memory>

namespace sealmount {

/// Sends no TPM command.
[[nodiscard]] std::unique_ptr<Tpm> esys_tpm(TctiPtr tcti);

} // namespace sealmount
