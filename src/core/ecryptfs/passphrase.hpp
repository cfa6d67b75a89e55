// From a mount passphrase to a FEKEK and its signature, as libecryptfs does (generate_passphrase_sig in its
// main.c).
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "base/secret_bytes.hpp"

#include <array>
#include <cstddef>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>

namespace sealmount {

inline constexpr std::size_t longest_passphrase = 64;
/// Bytes of a signature (ECRYPTFS_SIG_SIZE of include/linux/ecryptfs.h).
inline constexpr std::size_t signature_size = 8;

using Salt = std::array<std::byte, 8>;

/// For file contents, unless ~/.ecryptfsrc gives another: 00 11 22 33 44 55 66 77.
inline constexpr Salt content_salt = {std::byte{0x00}, std::byte{0x11}, std::byte{0x22}, std::byte{0x33},
                                      std::byte{0x44}, std::byte{0x55}, std::byte{0x66}, std::byte{0x77}};

/// A salt in hex, as ~/.ecryptfsrc and the manifest have it; nothing when it is not 16 hex digits.
[[nodiscard]] std::optional<Salt> parse_salt(std::string_view hex);

/// The salt that a ~/.ecryptfsrc names ("salt=HEX" on a line or between commas; libecryptfs, cmd_ln_parser.c
/// and ecryptfs_read_salt_hex_from_rc in key_management.c); nothing when it does not name a valid one.
[[nodiscard]] std::optional<Salt> salt_in_rc(std::string_view text);

/// For file names: the eight characters "99887766". libecryptfs means the hex number 9988776655443322, but
/// never decodes it; that is how every existing volume was made.
inline constexpr Salt filename_salt = {std::byte{'9'}, std::byte{'9'}, std::byte{'8'}, std::byte{'8'},
                                       std::byte{'7'}, std::byte{'7'}, std::byte{'6'}, std::byte{'6'}};

/// A file-encryption-key encryption key and the name that the kernel and the files know it by.
struct Fekek {
    SecretBytes key; ///< 64 bytes
    std::string signature;
};

/// 65536 rounds of SHA-512 over salt and passphrase; the signature is the beginning of one round more. Throws
/// Error{usage} when the passphrase does not have 1 to 64 bytes, or contains a NUL.
[[nodiscard]] Fekek derive_fekek(const SecretBytes& passphrase, const Salt& salt);

/// The first of the keys that the passphrase makes with these salts whose signature is one of `wanted`;
/// nothing when there is none. Throws as derive_fekek().
[[nodiscard]] std::optional<Fekek> derive_one_of(const SecretBytes& passphrase, std::span<const Salt> salts,
                                                 const std::set<std::string>& wanted);

/// The salts with which a passphrase for file names alone makes their key: ecryptfs-add-passphrase uses
/// either.
inline constexpr std::array names_own_salts = {content_salt, filename_salt};

/// The description under which dracut loads its key, and so the signature in all files that were written
/// through it (modules.d/98ecryptfs/ecryptfs-mount.sh). It says nothing about the key.
inline constexpr const char* dracut_signature = "1000100010001000";

/// The signature of a FEKEK: the first 8 bytes of its SHA-512, in hex.
[[nodiscard]] std::string signature_of(const SecretBytes& fekek);

} // namespace sealmount
