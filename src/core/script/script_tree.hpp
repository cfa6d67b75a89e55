// A script once it is read: commands, the words they consist of, and the pieces of those.
//
// Source: include/grub/script_sh.h.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/script/script_source.hpp"

#include <map>
#include <string>
#include <vector>

namespace sealmount {

enum class PieceKind {
    text,            ///< bare, its backslashes still in it
    quoted,          ///< of either kind of quotation marks, backslashes already undone
    translated,      ///< between $" and "
    variable,        ///< bare: its value is split at blanks
    quoted_variable, ///< between quotation marks: one argument whatever it holds
    block,           ///< between braces, word for word
};

struct ScriptPiece {
    PieceKind kind{};
    std::string text{};
    ScriptLines body{}; ///< of a block: its lines
};

using ScriptWord = std::vector<ScriptPiece>;

struct ScriptCommand;
using ScriptCommands = std::vector<ScriptCommand>;

struct ScriptBranch {
    ScriptCommands condition;
    ScriptCommands body;
};

enum class CommandKind {
    simple,
    choice,     ///< if, elif, else
    for_each,   ///< for NAME in WORD...
    while_true, ///< while
    until_true, ///< until
};

struct ScriptCommand {
    CommandKind kind{};
    unsigned line = 0;
    std::vector<ScriptWord> words{}; ///< of a simple command, and what a `for` goes through
    std::string name{};              ///< of the variable of a `for`
    /// Of an `if` in their order; of a loop the one.
    std::vector<ScriptBranch> branches{};
    ScriptCommands otherwise{}; ///< of an `if`
};

/// What GRUB reads at once and then runs: a line, with the lines that its blocks go on over. Functions are
/// defined when they are read (script/parser.y), before anything of the group runs.
struct ScriptGroup {
    ScriptCommands commands;
    std::map<std::string, ScriptCommands> functions;
};

} // namespace sealmount
