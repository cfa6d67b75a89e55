// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/host/bootctl.hpp"

#include "base/error.hpp"
#include "sys/host/program.hpp"

#include <vector>

namespace sealmount {

namespace {

[[noreturn]] void give_up(const std::string& why) {
    throw Error{Reason::unavailable, why + ", so which boot entry is next is not known"};
}

ProgramOutput ask_bootctl(const std::filesystem::path& program, const std::vector<std::string>& arguments) {
    try {
        return run_program(program, arguments);
    } catch (const Error& error) {
        if (error.reason() == Reason::unavailable) {
            give_up(error.what());
        }
        throw;
    }
}

} // namespace

std::optional<BootctlLists> bootctl_lists(const std::filesystem::path& program) {
    if (!is_executable(program)) {
        return std::nullopt;
    }
    const ProgramOutput json = ask_bootctl(program, {"bootctl", "list", "--no-pager", "--json=short"});
    if (!json.succeeded() && json.text.empty()) {
        return std::nullopt;
    }
    const ProgramOutput text = ask_bootctl(program, {"bootctl", "list", "--no-pager"});
    if (!json.succeeded() || !text.succeeded()) {
        give_up(program.string() + " list: fails");
    }
    return BootctlLists{.json = json.text, .text = text.text};
}

} // namespace sealmount
