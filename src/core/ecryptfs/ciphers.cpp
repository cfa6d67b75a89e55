// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/ecryptfs/ciphers.hpp"

#include "base/format.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <array>

namespace sealmount {

namespace {

/// A cipher and the key sizes that both the kernel and the file format have for it; 0 pads the list.
struct Cipher {
    std::string_view name;
    std::array<std::int64_t, 3> key_bytes;
    std::string_view sizes; ///< the same for people
};

constexpr std::array ciphers = {
    Cipher{"aes", {16, 24, 32}, "16, 24 or 32"},
    Cipher{"blowfish", {16, 32, 56}, "16, 32 or 56"},
    Cipher{"des3_ede", {24}, "24"},
    Cipher{"twofish", {16, 24, 32}, "16, 24 or 32"},
    Cipher{"cast6", {16, 24, 32}, "16, 24 or 32"},
    Cipher{"cast5", {16}, "16"},
};

} // namespace

bool is_cipher(const std::string_view name) {
    return std::ranges::find(ciphers, name, &Cipher::name) != ciphers.end();
}

std::optional<std::string> problem_with_cipher(const std::string_view cipher, const std::int64_t key_bytes) {
    const auto* const found = std::ranges::find(ciphers, cipher, &Cipher::name);
    if (found == ciphers.end()) {
        return formatted(
            "{} is not an eCryptfs cipher: write aes, blowfish, des3_ede, twofish, cast6 or cast5",
            in_quotes(cipher));
    }
    if (key_bytes > 0 && std::ranges::find(found->key_bytes, key_bytes) != found->key_bytes.end()) {
        return std::nullopt;
    }
    return formatted("{} is not a key size of {}: write {}", key_bytes, cipher, found->sizes);
}

} // namespace sealmount
