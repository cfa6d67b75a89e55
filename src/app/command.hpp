// sealmount: the command line for people, one verb at a time.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "app/arguments/command_line.hpp"
#include "app/verbs/verbs.hpp"

#include <map>
#include <string>

namespace sealmount {

/// The command line, and what runs each of its verbs.
struct Program {
    CommandTable table;
    std::map<std::string, Run> runs{};
};

/// All verbs, declared. The common options go into `globals`, which has to outlive it.
[[nodiscard]] Program program_of(Globals& globals);

/// The whole program but `main`: arguments, the verb, exit code.
[[nodiscard]] int command(int argc, const char* const* argv);

} // namespace sealmount
