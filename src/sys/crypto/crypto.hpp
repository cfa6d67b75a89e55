// Crypto as plain functions over OpenSSL's libcrypto. All throw Error{internal} with OpenSSL's own messages
// when the library fails; none can fail because of its input unless its comment says so.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "base/bytes.hpp"
#include "base/secret_bytes.hpp"

#include <array>
#include <cstddef>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sealmount {

/// SHA-256 (FIPS 180-4) of the concatenation of the parts.
[[nodiscard]] std::array<std::byte, 32> sha256(std::initializer_list<BytesView> parts);

/// SHA-256 whose result is a key.
[[nodiscard]] SecretBytes secret_sha256(BytesView data);

/// SHA-512 applied `rounds` (at least 1) times: first to `data`, then to each digest. 64 bytes.
[[nodiscard]] SecretBytes iterated_sha512(BytesView data, unsigned rounds);

/// HMAC-SHA-256 (RFC 2104) of the concatenation of the parts.
[[nodiscard]] std::array<std::byte, 32> hmac_sha256(const SecretBytes& key,
                                                    std::initializer_list<BytesView> parts);

/// AES-256-CBC without padding; key 32 bytes, iv 16, data a multiple of 16.
[[nodiscard]] Bytes aes256_cbc_encrypt(const SecretBytes& key, BytesView iv, const SecretBytes& data);
[[nodiscard]] SecretBytes aes256_cbc_decrypt(const SecretBytes& key, BytesView iv, BytesView data);

/// AES-128-ECB without padding; key 16 bytes, data a multiple of 16. Only for files that others
/// write this way.
[[nodiscard]] SecretBytes aes128_ecb_decrypt(const SecretBytes& key, BytesView data);

/// Random bytes from OpenSSL's private generator (RAND_priv_bytes(3)).
[[nodiscard]] SecretBytes random_secret(std::size_t size);
/// Random bytes that need not be secret, such as initialization vectors.
[[nodiscard]] Bytes random_bytes(std::size_t size);

[[nodiscard]] bool equal_constant_time(BytesView a, BytesView b) noexcept;

/// RFC 4648 base64 with padding, on one line.
[[nodiscard]] std::string to_base64(BytesView data);
/// Nothing when `text` is not canonical base64.
[[nodiscard]] std::optional<Bytes> from_base64(std::string_view text);

} // namespace sealmount
