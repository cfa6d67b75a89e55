// What somebody may have meant who mistyped a name.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sealmount {

/// How many letters have to be inserted, removed, replaced or swapped with their neighbor to make one of the
/// other.
[[nodiscard]] std::size_t edit_distance(std::string_view one, std::string_view other);

/// The names that `word` may stand for, the nearest first, three at most: those a letter or two away, and
/// those that it begins.
[[nodiscard]] std::vector<std::string> nearest(std::string_view word, const std::vector<std::string>& names);

/// "; did you mean "list" or "slots"?", or "" where nothing is near.
[[nodiscard]] std::string did_you_mean(std::string_view word, const std::vector<std::string>& names);

} // namespace sealmount
