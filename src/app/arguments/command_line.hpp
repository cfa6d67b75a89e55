// The command line of a program with verbs: what there is, and what somebody wrote.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "app/arguments/arguments.hpp"

#include <string>
#include <vector>

namespace sealmount {

struct DeclaredVerb {
    std::string group; ///< under which the help lists it
    std::string name;
    std::string summary; ///< a sentence without its full stop
    Arguments arguments;
};

/// What there is. Besides what is declared here, each verb takes --help, the program takes --version, and
/// "help VERB" is "VERB --help".
struct CommandTable {
    std::string program;
    std::string summary;
    std::string manuals; ///< the last line of each help
    Arguments common{};  ///< for all verbs, before and after the verb's name
    std::vector<DeclaredVerb> verbs{};

    /// Nothing when there is no such verb.
    [[nodiscard]] const DeclaredVerb* find(const std::string& name) const;
};

/// What was asked for.
struct Wish {
    enum class Kind { run, show_help, show_version };
    Kind kind = Kind::run;
    const DeclaredVerb* verb = nullptr; ///< nothing with show_help: that of the program
};

/// Reads the words behind the program's name, and gives the values to whom they belong: those of the common
/// options first, so that they hold while a refusal is reported. Throws Error{usage} with a sentence that
/// names what is wrong, what was meant perhaps, and what is expected.
[[nodiscard]] Wish read_command_line(const CommandTable& table, const std::vector<std::string>& words);

} // namespace sealmount
