// The ciphers that eCryptfs can use, and their key sizes (fs/ecryptfs/crypto.c,
// ecryptfs_cipher_code_str_map).
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sealmount {

/// Is this the name of a cipher that eCryptfs has?
[[nodiscard]] bool is_cipher(std::string_view name);

/// Nothing when eCryptfs has the cipher with keys of this size, in bytes; else what is wrong, without the
/// place.
[[nodiscard]] std::optional<std::string> problem_with_cipher(std::string_view cipher, std::int64_t key_bytes);

} // namespace sealmount
