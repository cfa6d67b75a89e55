// Digests in the hash algorithms of the four PCR banks, over OpenSSL.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "sys/crypto/crypto.hpp"
#include "sys/tpm/pcr.hpp"

#include <cstddef>
#include <initializer_list>
#include <span>

namespace sealmount {

/// The size in bytes of the bank's digests, and of its PCRs.
[[nodiscard]] std::size_t digest_size(PcrBank bank);

/// The digest of the concatenation of the parts (FIPS 180-4). Throws Error{internal} when OpenSSL fails.
[[nodiscard]] Bytes digest(PcrBank bank, std::span<const BytesView> parts);
[[nodiscard]] Bytes digest(PcrBank bank, std::initializer_list<BytesView> parts);

} // namespace sealmount
