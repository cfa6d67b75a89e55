// A TCTI over a TPM character device.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "base/unique_fd.hpp"

#include <tss2/tss2_tcti.h>

#include <memory>

namespace sealmount {

/// Owner of a TCTI; how it is freed depends on who made it.
using TctiPtr = std::unique_ptr<TSS2_TCTI_CONTEXT, void (*)(TSS2_TCTI_CONTEXT*)>;

/// Takes over an open TPM device. In place of tpm2-tss's own device TCTI, which loses the errno of open(2)
/// and sends a TPM2_GetRandom of its own whenever it is opened. The driver
/// (drivers/char/tpm/tpm-dev-common.c) takes a whole command per write(2) and gives a whole response per
/// read(2).
[[nodiscard]] TctiPtr device_tcti(UniqueFd device);

} // namespace sealmount
