// Values as people write them on the command line: numbers, in decimal digits and nothing else, and times.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace sealmount {

struct NumberRange {
    unsigned lowest = 0;
    unsigned highest = std::numeric_limits<unsigned>::max();
};

/// A number in decimal digits, without sign, blanks, separators or leading zeros (which others read as
/// octal); nothing for everything else, also when it does not fit.
[[nodiscard]] std::optional<std::uint64_t> decimal(std::string_view text) noexcept;

/// The same within a range.
[[nodiscard]] std::optional<unsigned> decimal_in(std::string_view text, NumberRange range) noexcept;

/// Seconds: a plain number, or one with a unit of systemd.time(7): 90s, 5min, 2h. One number, one unit.
[[nodiscard]] std::optional<unsigned> seconds_in(std::string_view text, NumberRange range) noexcept;

/// "a number from 1 to 24, in decimal digits"
[[nodiscard]] std::string expected_number(NumberRange range);

/// "seconds from 1 to 86400, or a time such as 90s or 5min"
[[nodiscard]] std::string expected_seconds(NumberRange range);

} // namespace sealmount
