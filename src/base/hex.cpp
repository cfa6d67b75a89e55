// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "base/hex.hpp"

#include <algorithm>
#include <charconv>

namespace sealmount {

std::string to_hex(const std::span<const std::byte> bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    text.reserve(bytes.size() * 2);
    for (const std::byte byte : bytes) {
        text += digits[std::to_integer<unsigned>(byte >> 4)];
        text += digits[std::to_integer<unsigned>(byte & std::byte{15})];
    }
    return text;
}

std::optional<std::vector<std::byte>> from_hex(const std::string_view text) {
    if (text.size() % 2 != 0) {
        return std::nullopt;
    }
    std::vector<std::byte> bytes;
    bytes.reserve(text.size() / 2);
    for (std::size_t at = 0; at < text.size(); at += 2) {
        unsigned value = 0;
        const char* const end = text.data() + at + 2;
        if (const auto result = std::from_chars(text.data() + at, end, value, 16);
            result.ec != std::errc{} || result.ptr != end) {
            return std::nullopt;
        }
        bytes.push_back(static_cast<std::byte>(value));
    }
    return bytes;
}

bool is_lower_hex(const std::string_view text, const std::size_t digits) noexcept {
    return text.size() == digits && std::ranges::all_of(text, [](const char c) {
               return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
           });
}

} // namespace sealmount
