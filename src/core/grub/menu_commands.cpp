// menuentry and submenu.
//
// Source: commands/menuentry.c.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/grub/command_options.hpp"
#include "core/grub/commands.hpp"

#include <array>

namespace sealmount {

namespace {

constexpr std::array entry_options = {
    CommandOption{.name = "class", .takes_value = true},
    CommandOption{.name = "users", .takes_value = true},
    CommandOption{.name = "hotkey", .takes_value = true},
    CommandOption{.name = "source", .takes_value = true},
    CommandOption{.name = "id", .takes_value = true},
    CommandOption{.name = "unrestricted"},
};

/// The first line of an entry's script, which makes its title $1.
std::string setparams_line(const std::vector<std::string>& parameters) {
    std::string line = "setparams";
    for (const std::string& parameter : parameters) {
        line += " '";
        for (const char c : parameter) {
            line += c == '\'' ? std::string{"'\\''"} : std::string{c};
        }
        line += "'";
    }
    return line;
}

/// A text of several lines, all of one place.
ScriptLines lines_of(const std::string& text, const unsigned number) {
    ScriptLines lines;
    for (std::size_t at = 0; at <= text.size();) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        lines.push_back({.text = text.substr(at, end - at), .number = number});
        at = end + 1;
    }
    return lines;
}

} // namespace

GrubStatus menuentry_command(GrubRun& run, const GrubCall& call) {
    auto parsed = parse_options(entry_options, call.arguments, true);
    if (!parsed || parsed->arguments.empty() || parsed->has("source") == call.has_block) {
        return grub_failure(GrubError::bad_argument);
    }
    MenuEntry entry{.is_submenu = call.name.starts_with('s'), .file = run.place().file};
    if (call.has_block) {
        parsed->arguments.pop_back(); // the block itself
        entry.parameters = std::move(parsed->arguments);
        entry.body = lines_of(setparams_line(entry.parameters), run.place().line);
        entry.body.insert(entry.body.end(), call.body.begin(), call.body.end());
    } else {
        entry.parameters = std::move(parsed->arguments);
        entry.body = lines_of(parsed->value("source").value_or(""), run.place().line);
    }
    if (entry.parameters.empty()) {
        return grub_failure(GrubError::menu);
    }
    entry.title = entry.parameters.front();
    entry.id = parsed->value("id").value_or(entry.title);
    entry.is_restricted = parsed->has("users") || !parsed->has("unrestricted");
    run.add_entry(std::move(entry));
    return grub_success;
}

} // namespace sealmount
