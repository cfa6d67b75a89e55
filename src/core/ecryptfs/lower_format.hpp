// What eCryptfs wrote into a lower file's header, or into its extended attribute, and into an encrypted file
// name: which keys, which cipher. Needs no key. All input is hostile.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sealmount {

/// The kernel reads so many bytes at the head of a file, and so many of the attribute, and no more
/// (fs/ecryptfs/crypto.c, ecryptfs_read_metadata: ECRYPTFS_DEFAULT_EXTENT_SIZE).
inline constexpr std::size_t lower_header_size = 4096;

/// Where the same bytes lie in a volume that was mounted with ecryptfs_xattr_metadata: its lower files have
/// no header (ECRYPTFS_XATTR_NAME).
inline constexpr const char* lower_attribute = "user.ecryptfs";

/// A cipher with its key size.
struct CipherFacts {
    std::string cipher;     ///< the kernel's name, e.g. "aes"
    unsigned key_bytes = 0; ///< 0 where it is not known

    auto operator<=>(const CipherFacts&) const = default;
};

/// "aes with 16-byte keys"
[[nodiscard]] std::string describe(const CipherFacts& facts);

struct HeaderFacts {
    unsigned version = 0;          ///< of the file format: 0 to 3
    std::uint64_t plain_size = 0;  ///< of the contents, in bytes
    std::uint64_t header_size = 0; ///< what precedes the contents, in bytes; 8192 wherever Linux wrote it
    std::vector<std::string> signatures;  ///< of passphrases: each one opens the file
    std::vector<std::string> public_keys; ///< signatures of key pairs, each of which opens it as well
    CipherFacts cipher; ///< without a name where there are only public keys: only their packets contain it
};

struct NameFacts {
    std::string signature;
    CipherFacts cipher; ///< key_bytes 0 where the code does not give it
};

/// Reads the head of a lower file, or its attribute (crypto.c, ecryptfs_read_headers_virt; keystore.c,
/// parse_tag_1_packet, parse_tag_3_packet and parse_tag_11_packet). Nothing when it is not an eCryptfs file
/// of a known version.
[[nodiscard]] std::optional<HeaderFacts> read_lower_header(std::span<const std::byte> head);

/// Does it begin as eCryptfs files do (crypto.c, ecryptfs_validate_marker)? Where read_lower_header() gives
/// nothing although it does, the file is damaged, or of a later version.
[[nodiscard]] bool has_lower_marker(std::span<const std::byte> head);

/// Reads a name that begins with "ECRYPTFS_FNEK_ENCRYPTED." (keystore.c, ecryptfs_parse_tag_70_packet).
/// Nothing for any other name.
[[nodiscard]] std::optional<NameFacts> read_lower_name(std::string_view name);

} // namespace sealmount
