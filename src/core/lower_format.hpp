// What eCryptfs wrote into a lower file's header and into an encrypted file name: which key, which cipher.
// Needs no key. All input is hostile.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sealmount {

/// As many bytes as a header can take (ECRYPTFS_MINIMUM_HEADER_EXTENT_SIZE).
inline constexpr std::size_t lower_header_size = 8192;

/// A cipher with the key size that its RFC 2440 code implies, where it does.
struct CipherFacts {
    std::string cipher; ///< the kernel's name, e.g. "aes"
    unsigned key_bytes = 0;

    bool operator==(const CipherFacts&) const = default;
};

struct HeaderFacts {
    std::vector<std::string> signatures; ///< one for each key that opens the file
    CipherFacts cipher;
};

struct NameFacts {
    std::string signature;
    CipherFacts cipher; ///< key_bytes 0 where the code does not tell it
};

/// Reads the head of a lower file (fs/ecryptfs/crypto.c, ecryptfs_read_headers_virt; keystore.c,
/// parse_tag_3_packet and parse_tag_11_packet). Nothing when it is no eCryptfs file of a version that we
/// know.
[[nodiscard]] std::optional<HeaderFacts> read_lower_header(std::span<const std::byte> head);

/// Reads a name that begins with "ECRYPTFS_FNEK_ENCRYPTED." (keystore.c, ecryptfs_parse_tag_70_packet).
/// Nothing for any other name.
[[nodiscard]] std::optional<NameFacts> read_lower_name(std::string_view name);

} // namespace sealmount
