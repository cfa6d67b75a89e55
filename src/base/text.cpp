// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "base/text.hpp"

#include "base/byte_reader.hpp"

#include <array>
#include <cstdint>

namespace sealmount {

namespace {

void append_utf8(std::string& out, const char32_t c) {
    const auto tail = [&](const unsigned shift) { out += static_cast<char>(0x80U | ((c >> shift) & 0x3fU)); };
    if (c < 0x80U) {
        out += static_cast<char>(c);
    } else if (c < 0x800U) {
        out += static_cast<char>(0xc0U | (c >> 6U));
        tail(0);
    } else if (c < 0x10000U) {
        out += static_cast<char>(0xe0U | (c >> 12U));
        tail(6);
        tail(0);
    } else {
        out += static_cast<char>(0xf0U | (c >> 18U));
        tail(12);
        tail(6);
        tail(0);
    }
}

/// One character, which is UTF-8, as in the strings of JSON.
void append_quoted(std::string& out, const std::string_view character) {
    constexpr std::string_view digits = "0123456789abcdef";
    constexpr std::string_view escaped = "\b\t\n\f\r\"\\";
    constexpr std::string_view letters = "btnfr\"\\";
    const auto first = static_cast<unsigned char>(character.front());
    if (const std::size_t at = escaped.find(character.front()); at != std::string_view::npos) {
        out += '\\';
        out += letters[at];
    } else if (first < 0x20) {
        out += "\\u00";
        out += digits[first >> 4U];
        out += digits[first & 15U];
    } else {
        out += character;
    }
}

/// How many bytes at the front one U+FFFD stands for, where they are not UTF-8: those that would have begun a
/// character, or the first (Unicode, section 3.9, "U+FFFD Substitution of Maximal Subparts").
std::size_t bytes_to_replace(const std::string_view text) noexcept {
    const auto byte = [&](const std::size_t at) -> unsigned { return static_cast<unsigned char>(text[at]); };
    const unsigned first = byte(0);
    if (first < 0xc2 || first > 0xf4) {
        return 1;
    }
    const std::size_t size = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    unsigned least = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    unsigned most = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    std::size_t count = 1;
    while (count < size && count < text.size() && byte(count) >= least && byte(count) <= most) {
        ++count;
        least = 0x80;
        most = 0xbf;
    }
    return count;
}

} // namespace

std::string in_quotes(std::string_view text) {
    std::string out{"\""};
    while (!text.empty()) {
        const std::string_view before = text;
        if (take_code_point(text)) {
            append_quoted(out, before.substr(0, before.size() - text.size()));
        } else {
            text.remove_prefix(bytes_to_replace(text));
            out += "\xef\xbf\xbd";
        }
    }
    out += '"';
    return out;
}

bool is_control(const char c) noexcept {
    return static_cast<unsigned char>(c) < ' ' || c == '\x7f';
}

std::optional<char32_t> take_code_point(std::string_view& text) noexcept {
    const auto byte_at = [&](const std::size_t at) { return static_cast<unsigned char>(text[at]); };
    const unsigned char first = byte_at(0);
    const std::size_t size = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if ((first >= 0x80 && first < 0xc2) || first > 0xf4 || text.size() < size) {
        return std::nullopt;
    }
    char32_t c = size == 1 ? first : first & (0xffU >> (size + 1));
    for (std::size_t at = 1; at < size; ++at) {
        if ((byte_at(at) & 0xc0U) != 0x80U) {
            return std::nullopt;
        }
        c = c << 6U | (byte_at(at) & 0x3fU);
    }
    constexpr std::array<char32_t, 5> least = {0, 0, 0x80, 0x800, 0x10000};
    if (c < least[size] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) {
        return std::nullopt;
    }
    text.remove_prefix(size);
    return c;
}

bool is_utf8(std::string_view text) noexcept {
    while (!text.empty()) {
        if (static_cast<unsigned char>(text.front()) < 0x80) { // nearly always
            text.remove_prefix(1);
        } else if (!take_code_point(text)) {
            return false;
        }
    }
    return true;
}

std::string utf8(const BytesView utf16_text) {
    constexpr char32_t replacement = 0xfffd;
    std::string out;
    ByteReader reader{utf16_text};
    std::optional<std::uint16_t> high;
    while (const auto unit = reader.u16()) {
        const bool is_low = *unit >= 0xdc00 && *unit < 0xe000;
        if (high && is_low) {
            append_utf8(out, 0x10000U + ((*high & 0x3ffU) << 10U) + (*unit & 0x3ffU));
            high.reset();
            continue;
        }
        if (high) {
            append_utf8(out, replacement);
            high.reset();
        }
        if (*unit == 0) {
            return out;
        }
        if (*unit >= 0xd800 && *unit < 0xdc00) {
            high = *unit; // NOLINT(bugprone-optional-value-conversion): GCC warns of the other form
        } else {
            append_utf8(out, is_low ? replacement : *unit);
        }
    }
    if (high || reader.left() != 0) {
        append_utf8(out, replacement);
    }
    return out;
}

std::optional<Bytes> utf16(std::string_view text) {
    Bytes out;
    const auto put = [&](const char32_t unit) {
        out.push_back(static_cast<std::byte>(unit & 0xffU));
        out.push_back(static_cast<std::byte>(unit >> 8U));
    };
    while (!text.empty()) {
        const auto c = take_code_point(text);
        if (!c) {
            return std::nullopt;
        }
        if (*c < 0x10000) {
            put(*c);
        } else {
            put(0xd800U + ((*c - 0x10000U) >> 10U));
            put(0xdc00U + ((*c - 0x10000U) & 0x3ffU));
        }
    }
    return out;
}

std::string printable(const std::string_view text) {
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
        std::size_t size = 1;
        while (size < 4 && at + size < text.size() &&
               (static_cast<unsigned char>(text[at + size]) & 0xc0U) == 0x80U) {
            ++size;
        }
        const std::string_view character = text.substr(at, size);
        const auto first = static_cast<unsigned char>(character.front());
        const auto second = size > 1 ? static_cast<unsigned char>(character[1]) : 0;
        const bool is_control = first < 0x20 || first == 0x7f || (first == 0xc2 && second < 0xa0);
        const bool good = !is_control && utf16(character).has_value();
        out += good ? character : std::string_view{"?"};
        at += size;
    }
    return out;
}

} // namespace sealmount
