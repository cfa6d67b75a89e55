// Reads GRUB's script: from lines to commands.
//
// Source: script/yylex.l (words, quotation marks, comments, continued lines), script/lexer.c (which further
// lines are asked for, what of a block is recorded), script/parser.y (the grammar).
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/script/script_tree.hpp"

#include <optional>
#include <string>

namespace sealmount {

/// What GRUB would not read either, or what is nested deeper than it can be.
struct ScriptFault {
    unsigned line = 0;
    std::string reason{}; ///< a clause: "a quotation mark is not closed"
};

/// The next group of the source; nothing at its end. Throws ScriptFault. Takes time in proportion to the
/// lines that it reads.
[[nodiscard]] std::optional<ScriptGroup> read_group(ScriptSource& source);

/// The pieces of one word as it is in the script. Throws ScriptFault, with `line`.
[[nodiscard]] ScriptWord pieces_of(const std::string& word, unsigned line);

} // namespace sealmount
