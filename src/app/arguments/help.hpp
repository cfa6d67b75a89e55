// What `--help` prints, and the width that it is wrapped at.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "app/arguments/command_line.hpp"

#include <string>

namespace sealmount {

/// Columns of the terminal that standard output is: $COLUMNS, or what the kernel says, at most 100; 80 where
/// neither is known.
[[nodiscard]] std::size_t help_width();

/// The help of a verb, or without one that of the program. No line is longer than `width`, which has to be at
/// least 50.
[[nodiscard]] std::string help_text(const CommandTable& table, const DeclaredVerb* verb, std::size_t width);

} // namespace sealmount
