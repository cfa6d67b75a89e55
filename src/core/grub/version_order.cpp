// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/grub/version_order.hpp"

#include <algorithm>
#include <array>

namespace sealmount {

namespace {

bool is_version_digit(const char c) noexcept {
    return c >= '0' && c <= '9';
}

bool is_version_letter(const char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// The digits or the letters at the front, which are taken off.
std::string_view take_segment(std::string_view& text, const bool digits) {
    const auto end = std::ranges::find_if_not(text, digits ? is_version_digit : is_version_letter);
    const auto length = static_cast<std::size_t>(end - text.begin());
    const std::string_view taken = text.substr(0, length);
    text.remove_prefix(length);
    return taken;
}

void skip_separators(std::string_view& text) {
    while (!text.empty() && !is_version_digit(text[0]) && !is_version_letter(text[0]) && text[0] != '~' &&
           text[0] != '+') {
        text.remove_prefix(1);
    }
}

/// A mark that sorts before all else: "~" even before the end, "+" only behind it. 2 when there is none.
int compare_marks(std::string_view& one, std::string_view& two) {
    for (const char mark : {'~', '+'}) {
        const bool first = one.starts_with(mark);
        const bool second = two.starts_with(mark);
        if (!first && !second) {
            continue;
        }
        if (mark == '+' && one.empty()) {
            return -1;
        }
        if (mark == '+' && two.empty()) {
            return 1;
        }
        if (!first || !second) {
            return first ? -1 : 1;
        }
        one.remove_prefix(1);
        two.remove_prefix(1);
        return 0;
    }
    return 2;
}

int compare_versions(std::string_view one, std::string_view two) {
    if (one == two) {
        return 0;
    }
    while (!one.empty() || !two.empty()) {
        skip_separators(one);
        skip_separators(two);
        const int marks = compare_marks(one, two);
        if (marks == 0) {
            continue;
        }
        if (marks != 2) {
            return marks;
        }
        if (one.empty() || two.empty()) {
            break;
        }
        const bool digits = is_version_digit(one[0]);
        std::string_view first = take_segment(one, digits);
        std::string_view second = take_segment(two, digits);
        if (second.empty()) {
            return digits ? 1 : -1;
        }
        if (digits) {
            first.remove_prefix(std::min(first.find_first_not_of('0'), first.size()));
            second.remove_prefix(std::min(second.find_first_not_of('0'), second.size()));
            if (first.size() != second.size()) {
                return first.size() > second.size() ? 1 : -1;
            }
        }
        if (const int order = first.compare(second); order != 0) {
            return order < 0 ? -1 : 1;
        }
    }
    if (one.empty() && two.empty()) {
        return 0;
    }
    return one.empty() ? -1 : 1;
}

/// "NAME-VERSION-RELEASE"; with fewer parts, the name comes first.
std::array<std::string_view, 3> split_name(const std::string_view text) {
    const std::size_t last = text.rfind('-');
    if (last == std::string_view::npos) {
        return {text, {}, {}};
    }
    const std::string_view release = text.substr(last + 1);
    const std::string_view rest = text.substr(0, last);
    const std::size_t middle = rest.rfind('-');
    if (middle == std::string_view::npos) {
        return {rest, release, {}};
    }
    return {rest.substr(0, middle), rest.substr(middle + 1), release};
}

} // namespace

int compare_entry_names(const std::string_view a, const std::string_view b) {
    const auto first = split_name(a);
    const auto second = split_name(b);
    for (std::size_t part = 0; part < first.size(); ++part) {
        if (const int order = compare_versions(first[part], second[part]); order != 0) {
            return order;
        }
    }
    return 0;
}

} // namespace sealmount
