// Programs of the system that know what no file says, run without a shell.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace sealmount {

/// What a program printed to standard output, and how it ended.
struct ProgramOutput {
    std::string text;
    int status = 0; ///< its wait status (waitpid(2)): 0 for success

    [[nodiscard]] bool succeeded() const { return status == 0; }
};

/// Runs it with these arguments (the first is its own name), with nothing on standard input, an environment
/// of its own, standard error thrown away, and for at most half a minute. Throws Error{unavailable} when it
/// does not come to an end or prints more than a megabyte, else as throw_errno() does when it cannot be
/// started.
[[nodiscard]] ProgramOutput run_program(const std::filesystem::path& program,
                                        const std::vector<std::string>& arguments);

/// Is this a file that may be executed (access(2), X_OK)? Not a directory.
[[nodiscard]] bool is_executable(const std::filesystem::path& program);

} // namespace sealmount
