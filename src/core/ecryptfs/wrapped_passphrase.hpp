// Mount passphrases in files, encrypted under a wrapping passphrase: what ecryptfs-wrap-passphrase(1) and
// ecryptfs-setup-private(1) write (~/.ecryptfs/wrapped-passphrase).
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/ecryptfs/passphrase.hpp"
#include "sys/crypto/crypto.hpp"

namespace sealmount {

/// As many bytes as such a file can have: the head of version 2 and 64 bytes of passphrase.
inline constexpr std::size_t longest_wrapped_file = 2 + 8 + 16 + 64;

/// Takes the mount passphrase out of a file's bytes (libecryptfs, ecryptfs_unwrap_passphrase in
/// key_management.c). Version 1 is the wrapping passphrase's signature and the ciphertext; it does not say
/// with which salt it was made, so it is one of `version_1_salts`, not empty. Version 2 begins with ":" and
/// the byte 2, and its salt. Both: AES-128-ECB under the first 16 bytes of the wrapping passphrase's FEKEK,
/// filled up with zeros. Throws Error{bad_data} when it is not such a file, Error{refused} naming both
/// signatures when it was wrapped with another passphrase, Error{usage} as derive_fekek().
[[nodiscard]] SecretBytes unwrap_passphrase(BytesView file, const SecretBytes& wrapping,
                                            std::span<const Salt> version_1_salts);

} // namespace sealmount
