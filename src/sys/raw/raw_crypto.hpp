// The cryptography of one unseal in userspace, by the plain functions of libcrypto: hashes and AES-128-CFB of
// a TPM session, and the exchange of its salt. Not by EVP: with it and
// ESYS an unlock took eight times as long (DESIGN.md). One choice for each, and no other
// (TPM 2.0 Part 1: 11.4.10 KDFs, 19 sessions, 21
// encryption of parameters; C.6 ECDH).
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "base/secret_bytes.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string_view>

namespace sealmount {

using RawDigest = std::array<std::byte, 32>;
using RawParts = std::initializer_list<std::span<const std::byte>>;

/// The bytes of a text, without a zero byte behind it.
[[nodiscard]] inline std::span<const std::byte> bytes_of_text(const std::string_view text) noexcept {
    return std::as_bytes(std::span{text});
}

/// SHA-256 of all parts, one after the other.
[[nodiscard]] RawDigest raw_sha256(RawParts parts) noexcept;

/// HMAC-SHA-256; `key` has at most 64 bytes.
[[nodiscard]] RawDigest raw_hmac(std::span<const std::byte> key, RawParts parts) noexcept;

/// KDFa of 256 bits.
[[nodiscard]] SecretBytes raw_kdfa(std::span<const std::byte> key, std::string_view label,
                                   std::span<const std::byte> party_u, std::span<const std::byte> party_v);

/// Decrypts in place: AES-128 in CFB mode, `key_and_iv` has 32 bytes.
void raw_cfb_decrypt(std::span<const std::byte> key_and_iv, std::span<std::byte> data) noexcept;

/// AES-256 in CBC mode without padding: `key` has 32 bytes, `iv` 16, and the data are whole blocks.
[[nodiscard]] SecretBytes raw_cbc_decrypt(std::span<const std::byte> key, std::span<const std::byte> iv,
                                          std::span<const std::byte> data);

/// SHA-512.
[[nodiscard]] std::array<std::byte, 64> raw_sha512(std::span<const std::byte> data) noexcept;

/// Constant time in the contents.
[[nodiscard]] bool raw_equal(std::span<const std::byte> a, std::span<const std::byte> b) noexcept;

/// A point of NIST P-256.
struct RawPoint {
    std::array<std::byte, 32> x{};
    std::array<std::byte, 32> y{};
};

/// A salt that only the owner of a P-256 key can know, and the point that goes to it.
struct RawSalt {
    SecretBytes salt; ///< KDFe with the label "SECRET"
    RawPoint ephemeral;
};
/// Nothing when `key` is not on the curve, or libcrypto fails.
[[nodiscard]] std::optional<RawSalt> raw_salt_for(const RawPoint& key);

} // namespace sealmount
