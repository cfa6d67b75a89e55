// Text: joining, quoting, and distinguishing characters that people can read from bytes that only look like
// them.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "base/bytes.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace sealmount {

/// The texts of a range, one after the other, with `separator` between them.
template<typename Texts>
[[nodiscard]] std::string join(const Texts& texts, const std::string_view separator = ", ") {
    std::string joined;
    bool is_first = true;
    for (const auto& text : texts) {
        joined.append(is_first ? std::string_view{} : separator).append(text);
        is_first = false;
    }
    return joined;
}

/// `text` between quotation marks, escaped as in JSON (RFC 8259, section 7); what is not UTF-8 becomes
/// U+FFFD.
[[nodiscard]] std::string in_quotes(std::string_view text);

/// A control character of ASCII: below 0x20, or 0x7f.
[[nodiscard]] bool is_control(char c) noexcept;

/// The code point at the front of `text`, which loses it; nothing, and nothing lost, when that is not UTF-8
/// (RFC 3629). `text` is not empty.
[[nodiscard]] std::optional<char32_t> take_code_point(std::string_view& text) noexcept;

[[nodiscard]] bool is_utf8(std::string_view text) noexcept;

/// UTF-16LE to UTF-8, up to the first NUL or the end; unpaired surrogates and an odd byte become U+FFFD.
[[nodiscard]] std::string utf8(BytesView utf16);
/// UTF-8 to UTF-16LE without a NUL; nothing when `text` is not UTF-8.
[[nodiscard]] std::optional<Bytes> utf16(std::string_view text);

/// `text` with control characters and whatever is not UTF-8 replaced by "?", for terminals and JSON.
[[nodiscard]] std::string printable(std::string_view text);

} // namespace sealmount
