// The public area of an NV index outside the TPM.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "sys/crypto/crypto.hpp"
#include "sys/tpm/tpm.hpp"

#include <cstdint>
#include <optional>

namespace sealmount {

/// An NV index by number, and the name that it has once it is written.
struct NvIndex {
    std::uint32_t index = 0;
    TpmName written_name;

    bool operator==(const NvIndex&) const = default;
};

/// Reads a TPM2B_NV_PUBLIC (TPM 2.0 Part 2, 13.6), size field included. The name (Part 1, 16) is taken with
/// TPMA_NV_WRITTEN set, as TPM2_PolicyAuthorizeNV sees it. Nothing when the bytes are not such a
/// structure, continue behind it, or its nameAlg is not SHA-256.
[[nodiscard]] std::optional<NvIndex> nv_index_from(BytesView nv_public);

} // namespace sealmount
