// Text from values: fmt's format strings (std::format where the compiler has it; GCC 12 does not).
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include <fmt/core.h>

#include <string>
#include <utility>

namespace sealmount {

/// The formatting itself, once for all calls.
[[nodiscard]] std::string formatted_from(fmt::string_view text, fmt::format_args arguments);

/// `text` with each {} replaced by its argument: numbers, characters, texts. Checked when it is compiled.
template<typename... Arguments>
[[nodiscard]] std::string formatted(fmt::format_string<Arguments...> text, Arguments&&... arguments) {
    return formatted_from(text, fmt::make_format_args(arguments...));
}

} // namespace sealmount
