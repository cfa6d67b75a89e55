// What a TPM says of itself, and the handles in it (TPM 2.0 Part 3, TPM2_GetCapability).
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "sys/tpm/esys_context.hpp"

#include <cstdint>
#include <map>
#include <vector>

namespace sealmount {

/// Up to `count` properties from `first` on, by number; those that the TPM does not have are missing. One
/// command. Throws Error{unavailable}.
[[nodiscard]] std::map<TPM2_PT, std::uint32_t> tpm_properties(EsysContext& context, TPM2_PT first,
                                                              std::uint32_t count);

/// The handles that exist from `first` on, of its kind. Throws Error{unavailable}.
[[nodiscard]] std::vector<TPM2_HANDLE> tpm_handles(EsysContext& context, TPM2_HANDLE first);

/// TPM2_FlushContext of a handle that ESYS knows nothing of. A handle that is gone already is not an error.
/// Throws Error{unavailable}.
void flush_handle(EsysContext& context, TPM2_HANDLE handle);

} // namespace sealmount
