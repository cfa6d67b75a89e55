// Wrapping one secret with another: HKDF and authenticated encryption over OpenSSL's libcrypto. All throw
// Error{internal} with OpenSSL's own messages when the library fails.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "sys/crypto/crypto.hpp"

#include <optional>
#include <string_view>

namespace sealmount {

inline constexpr std::size_t gcm_nonce_size = 12;
inline constexpr std::size_t gcm_tag_size = 16;

/// HKDF with SHA-256 (RFC 5869): `size` bytes, at most 255 * 32, from a key of high entropy.
[[nodiscard]] SecretBytes hkdf_sha256(const SecretBytes& key, BytesView salt, std::string_view info,
                                      std::size_t size);

/// AES-256-GCM (NIST SP 800-38D): the ciphertext, then the tag. `key` is 32 bytes, `nonce` 12, never used
/// twice with one key; `context` is authenticated with it.
[[nodiscard]] Bytes aes256_gcm_encrypt(const SecretBytes& key, BytesView nonce, BytesView context,
                                       const SecretBytes& data);

/// Nothing when ciphertext, tag, nonce, context and key do not belong together.
[[nodiscard]] std::optional<SecretBytes> aes256_gcm_decrypt(const SecretBytes& key, BytesView nonce,
                                                            BytesView context, BytesView data);

} // namespace sealmount
