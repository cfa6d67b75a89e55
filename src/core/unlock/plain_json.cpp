// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/unlock/plain_json.hpp"

#include <algorithm>

namespace sealmount {

namespace {

constexpr bool is_digit(const char c) noexcept {
    return c >= '0' && c <= '9';
}

/// The bytes of the character at the front beyond ASCII, of two or three bytes; 0 when it is anything else.
/// The surrogates, U+FDD0 to U+FDEF, U+FFFE and U+FFFF are among what it leaves to the other reader, as is
/// all that takes four bytes.
std::size_t plain_character(const std::string_view text) noexcept {
    const auto byte = [&](const std::size_t i) {
        return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
    };
    const auto continues = [&](const std::size_t i) { return (byte(i) & 0xc0U) == 0x80; };
    if (byte(0) >= 0xc2 && byte(0) <= 0xdf) {
        return continues(1) ? 2 : 0;
    }
    const bool has_three = byte(0) >= 0xe0 && byte(0) <= 0xee && byte(0) != 0xed;
    const bool is_shortest = byte(0) != 0xe0 || byte(1) >= 0xa0;
    return has_three && is_shortest && continues(1) && continues(2) ? 3 : 0;
}

} // namespace

void PlainJson::skip_space() noexcept {
    std::size_t spaces = 0;
    while (spaces < rest_.size() && (rest_[spaces] == ' ' || rest_[spaces] == '\n' || rest_[spaces] == '\t' ||
                                     rest_[spaces] == '\r')) {
        ++spaces;
    }
    rest_.remove_prefix(spaces);
}

bool PlainJson::take(const char c) noexcept {
    skip_space();
    if (rest_.empty() || rest_.front() != c) {
        return false;
    }
    rest_.remove_prefix(1);
    return true;
}

bool PlainJson::string(std::string_view& text) noexcept {
    if (!take('"')) {
        return false;
    }
    std::size_t size = 0;
    while (size < rest_.size() && rest_[size] != '"') {
        const auto c = static_cast<unsigned char>(rest_[size]);
        if (c >= 0x80) {
            const std::size_t bytes = plain_character(rest_.substr(size));
            if (bytes == 0) {
                return false;
            }
            size += bytes;
        } else if (c < 0x20 || c == 0x7f || c == '\\') {
            return false;
        } else {
            ++size;
        }
    }
    if (size >= rest_.size()) {
        return false;
    }
    text = rest_.substr(0, size);
    rest_.remove_prefix(size + 1);
    return true;
}

bool PlainJson::number(std::uint32_t& value) noexcept {
    constexpr std::size_t most_digits = 9;
    skip_space();
    std::size_t digits = 0;
    value = 0;
    while (digits < rest_.size() && digits <= most_digits && is_digit(rest_[digits])) {
        value = value * 10 + static_cast<std::uint32_t>(rest_[digits] - '0');
        ++digits;
    }
    const bool is_plain = digits > 0 && digits <= most_digits && (digits == 1 || rest_.front() != '0');
    rest_.remove_prefix(digits);
    // 1.5 and 1e3 are numbers as well.
    return is_plain &&
           (rest_.empty() || (rest_.front() != '.' && rest_.front() != 'e' && rest_.front() != 'E'));
}

bool PlainJson::truth() noexcept {
    constexpr std::string_view word = "true";
    skip_space();
    if (!rest_.starts_with(word)) {
        return false;
    }
    rest_.remove_prefix(word.size());
    return true;
}

bool PlainJson::at_end() noexcept {
    skip_space();
    return rest_.empty();
}

bool is_plain_hex(const std::string_view text, const std::size_t digits) noexcept {
    return text.size() == digits &&
           std::ranges::all_of(text, [](const char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); });
}

bool is_plain_name(const std::string_view name) noexcept {
    const auto is_plain = [](const char c) { return (c >= 'a' && c <= 'z') || is_digit(c); };
    return !name.empty() && name.size() <= 64 && is_plain(name.front()) &&
           std::ranges::all_of(name,
                               [&](const char c) { return is_plain(c) || c == '.' || c == '_' || c == '-'; });
}

} // namespace sealmount
