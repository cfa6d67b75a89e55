// Fonts, terminals and pictures: they matter where a file is opened for them.
//
// Source: font/font.c and font/font_cmd.c (fonts, with Debian's change that looks into the image first),
// commands/terminal.c, term/gfxterm_background.c. Under Secure Boot fonts outside the image are measured and
// refused (kern/efi/sb.c).
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/grub/commands.hpp"

#include <algorithm>
#include <array>

namespace sealmount {

namespace {

bool load_font(GrubRun& run, const std::string& name) {
    const bool is_path = name.starts_with('(') || name.starts_with('/') || name.starts_with('+');
    if (is_path) {
        return run.open(name).has_value() && !run.start().secure_boot;
    }
    if (run.start().memdisk.contains("/fonts/" + name + ".pf2")) {
        return true;
    }
    return run.open(run.environment.text("prefix") + "/fonts/" + name + ".pf2").has_value() &&
           !run.start().secure_boot;
}

bool has_terminal(GrubRun& run, const std::string& name, const bool is_output) {
    if (name == "console") {
        return true;
    }
    if (name == "gfxterm" && is_output && run.has_module("gfxterm")) {
        return true;
    }
    return name.starts_with("serial") && run.has_module("serial");
}

} // namespace

GrubStatus loadfont_command(GrubRun& run, const GrubCall& call) {
    if (call.arguments.empty()) {
        return grub_failure(GrubError::bad_argument);
    }
    for (const std::string& name : call.arguments) {
        if (!load_font(run, name)) {
            return grub_failure(GrubError::bad_font);
        }
        run.fonts.insert(name);
    }
    return grub_success;
}

GrubStatus terminal_command(GrubRun& run, const GrubCall& call) {
    const bool is_output = call.name == "terminal_output";
    std::vector<std::string> names = call.arguments;
    bool is_changed_only = false;
    bool is_removed = false;
    if (!names.empty() && names.front().starts_with("--")) {
        is_removed = names.front().ends_with("remove");
        is_changed_only = true;
        names.erase(names.begin());
    }
    for (const std::string& name : names) {
        if (has_terminal(run, name, is_output)) {
            continue;
        }
        const std::string* const module = run.module_of_terminal((is_output ? "o" : "i") + name);
        if (module == nullptr || !run.load_module(*module)) {
            return grub_status(GrubError::bad_argument);
        }
    }
    if (is_output && !names.empty()) {
        const bool names_graphics = std::ranges::find(names, "gfxterm") != names.end();
        if (names_graphics && !is_removed && run.fonts.empty()) {
            return grub_failure(GrubError::bad_font);
        }
        if (names_graphics || !is_changed_only) {
            run.draws_graphics = names_graphics && !is_removed;
        }
    }
    return grub_success;
}

GrubStatus background_command(GrubRun& run, const GrubCall& call) {
    if (call.arguments.empty()) {
        return grub_success;
    }
    if (!run.draws_graphics) {
        return grub_failure(GrubError::bad_argument);
    }
    if (!run.start().graphics.has_value()) {
        run.doubt(grub_file_pcr, "a picture is shown if there is a screen");
        return grub_failure(GrubError::bad_argument);
    }
    if (!*run.start().graphics || !run.open(call.arguments.back())) {
        return grub_failure(GrubError::bad_argument);
    }
    return grub_success;
}

} // namespace sealmount
