// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "app/arguments/values.hpp"

#include "base/format.hpp"

#include <algorithm>
#include <array>

namespace sealmount {

namespace {

struct Unit {
    std::string_view name;
    std::uint64_t seconds;
};

constexpr std::array units = {
    Unit{"", 1},      Unit{"s", 1},       Unit{"sec", 1},      Unit{"second", 1},   Unit{"seconds", 1},
    Unit{"m", 60},    Unit{"min", 60},    Unit{"minute", 60},  Unit{"minutes", 60}, Unit{"h", 3600},
    Unit{"hr", 3600}, Unit{"hour", 3600}, Unit{"hours", 3600},
};

constexpr bool is_digit(const char c) {
    return c >= '0' && c <= '9';
}

std::optional<unsigned> within(const std::uint64_t number, const NumberRange range) {
    return number < range.lowest || number > range.highest ? std::nullopt
                                                           : std::optional{static_cast<unsigned>(number)};
}

} // namespace

std::optional<std::uint64_t> decimal(const std::string_view text) noexcept {
    constexpr std::uint64_t ten = 10;
    constexpr std::uint64_t limit = std::numeric_limits<std::uint64_t>::max();
    if (text.empty() || !std::ranges::all_of(text, is_digit) || (text.size() > 1 && text.front() == '0')) {
        return std::nullopt;
    }
    std::uint64_t number = 0;
    for (const char c : text) {
        const auto digit = static_cast<std::uint64_t>(c - '0');
        if (number > (limit - digit) / ten) {
            return std::nullopt;
        }
        number = number * ten + digit;
    }
    return number;
}

std::optional<unsigned> decimal_in(const std::string_view text, const NumberRange range) noexcept {
    const auto number = decimal(text);
    return number ? within(*number, range) : std::nullopt;
}

std::optional<unsigned> seconds_in(const std::string_view text, const NumberRange range) noexcept {
    const auto end = static_cast<std::size_t>(std::ranges::find_if_not(text, is_digit) - text.begin());
    const auto number = decimal_in(text.substr(0, end), {});
    const auto* const unit = std::ranges::find(units, text.substr(end), &Unit::name);
    return number && unit != units.end() ? within(*number * unit->seconds, range) : std::nullopt;
}

std::string expected_number(const NumberRange range) {
    return range.highest == NumberRange{}.highest
               ? formatted("a number of at least {}, in decimal digits", range.lowest)
               : formatted("a number from {} to {}, in decimal digits", range.lowest, range.highest);
}

std::string expected_seconds(const NumberRange range) {
    return range.highest == NumberRange{}.highest
               ? std::string{"a number of seconds, or a time such as 90s or 5min"}
               : formatted("{} to {} seconds, or a time such as 90s or 5min", range.lowest, range.highest);
}

} // namespace sealmount
