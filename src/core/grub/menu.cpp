// The menu: which entry starts, and what it does.
//
// Source: normal/menu.c: run_menu(), get_entry_number(), grub_menu_execute_entry(),
// grub_menu_execute_with_fallback(); normal/auth.c (passwords).
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/grub/run.hpp"

#include <algorithm>
#include <utility>

namespace sealmount {

namespace {

/// menuentry_eq(): does `wanted` name this, itself or what is below it? A > in a name is written twice.
bool names_entry(const std::string_view name, const std::string_view wanted) {
    std::size_t at = 0;
    std::size_t position = 0;
    const auto character = [](const std::string_view text, const std::size_t index) {
        return index < text.size() ? text[index] : '\0';
    };
    for (;; ++at, ++position) {
        if (character(wanted, position) == '>') {
            if (character(wanted, position + 1) != '>') {
                return at == name.size();
            }
            ++position;
        }
        if (character(name, at) != character(wanted, position)) {
            return false;
        }
        if (at >= name.size()) {
            return true;
        }
    }
}

/// What names the entry below, in what names an entry of a submenu.
std::optional<std::string> below_submenu(const std::string& wanted) {
    for (std::size_t at = 0; at < wanted.size(); ++at) {
        if (wanted[at] == '>' && at + 1 < wanted.size() && wanted[at + 1] == '>') {
            ++at;
        } else if (wanted[at] == '>') {
            return at + 1 < wanted.size() ? std::optional{wanted.substr(at + 1)} : std::nullopt;
        }
    }
    return std::nullopt;
}

} // namespace

std::optional<std::size_t> GrubRun::entry_number(const GrubMenu& menu, const std::string& wanted) {
    const auto named = [&](const MenuEntry& entry, const bool by_id) {
        return names_entry(by_id ? entry.id : entry.title, wanted);
    };
    if (start_.names_first) {
        for (const bool by_id : {true, false}) {
            const auto found =
                std::ranges::find_if(menu, [&](const MenuEntry& entry) { return named(entry, by_id); });
            if (found != menu.end()) {
                return static_cast<std::size_t>(found - menu.begin());
            }
        }
    }
    std::string_view rest;
    const auto number = grub_number(wanted, &rest);
    if (start_.names_first && !rest.empty()) {
        return std::nullopt;
    }
    if (number) {
        // An int in the original, so that what is too large may be anything; none has so many entries.
        return *number < menu.size() ? std::optional{static_cast<std::size_t>(*number)} : std::nullopt;
    }
    const auto found = std::ranges::find_if(
        menu, [&](const MenuEntry& entry) { return named(entry, false) || named(entry, true); });
    return found == menu.end() ? std::nullopt : std::optional{static_cast<std::size_t>(found - menu.begin())};
}

std::size_t GrubRun::wait_at_menu(const GrubMenu& menu, bool& is_automatic) {
    const std::size_t standard = entry_number(menu, environment.text("default")).value_or(0);
    is_automatic = !start_.choice;
    if (start_.choice) {
        unset_variable("timeout");
        unset_variable("fallback");
        return standard;
    }
    const std::string* const timeout = environment.get("timeout");
    const auto seconds = timeout != nullptr ? grub_number(*timeout, nullptr) : std::nullopt;
    if (!seconds || *seconds > 0x7fffffff) {
        stop("the menu waits until somebody chooses");
    }
    const std::string style = environment.text("timeout_style");
    const bool is_hidden = style == "hidden" || style == "countdown";
    if (!is_hidden && *seconds > 0 && draws_graphics && environment.get("theme") != nullptr) {
        doubt(grub_file_pcr, "the menu is drawn with a theme");
    }
    if (is_hidden) {
        unset_variable("timeout_style");
    }
    if (is_hidden || *seconds > 0) {
        unset_variable("timeout");
    }
    return standard;
}

std::optional<std::size_t> GrubRun::next_fallback() {
    const std::string* const value = environment.get("fallback");
    if (value == nullptr) {
        return std::nullopt;
    }
    std::string_view rest;
    const std::string kept = *value;
    const auto number = grub_number(kept, &rest);
    if (!number) {
        unset_variable("fallback");
        return std::nullopt;
    }
    while (!rest.empty() && is_grub_space(rest.front())) {
        rest.remove_prefix(1);
    }
    set_variable("fallback", std::string{rest});
    return static_cast<std::size_t>(*number);
}

void GrubRun::show_menu(const GrubMenu& menu, const bool is_automatic) {
    if (++depth_ > 20) {
        stop("menus within menus without end");
    }
    // The choice of a person stands in for the default of the outermost menu; submenus get what is below.
    if (start_.choice && environment.get("chosen") == nullptr) {
        set_variable("default", *start_.choice);
    }
    const GrubMenu entries = menu;
    bool is_timed = true;
    const std::size_t chosen = wait_at_menu(entries, is_timed);
    run_entry(entries[chosen], is_timed);
    while (is_timed) {
        const auto fallback = next_fallback();
        if (!fallback) {
            break;
        }
        if (*fallback >= entries.size()) {
            stop("the entry to fall back to does not exist");
        }
        run_entry(entries[*fallback], true);
    }
    --depth_;
    if (!is_automatic) {
        stop("the entry does not start anything, and the menu waits until somebody chooses");
    }
}

void GrubRun::run_entry(const MenuEntry& entry, const bool is_automatic) {
    if (entry.is_restricted && environment.get("superusers") != nullptr) {
        stop("a password is asked for");
    }
    const std::string* const old_chosen = environment.get("chosen");
    const std::string* const old_default = environment.get("default");
    const auto chosen = old_chosen != nullptr ? std::optional{*old_chosen} : std::nullopt;
    const auto standard = old_default != nullptr ? std::optional{*old_default} : std::nullopt;
    if (entry.is_submenu) {
        open_context();
        if (is_automatic) {
            set_variable("timeout", "0");
        }
    }
    std::string path = chosen ? *chosen + ">" : "";
    for (const char c : entry.id) {
        path += c == '>' ? std::string{">>"} : std::string{c};
    }
    set_variable("chosen", std::move(path));
    environment.export_name("chosen");
    if (const auto below = standard ? below_submenu(*standard) : std::nullopt) {
        set_variable("default", *below);
    } else {
        unset_variable("default");
    }
    const auto outer_parameters = std::exchange(parameters, entry.parameters);
    const bool had_parameters = std::exchange(has_parameters, true);
    run_lines(entry.file, entry.body);
    parameters = outer_parameters;
    has_parameters = had_parameters;
    if (kernel) {
        boot();
    }
    if (entry.is_submenu) {
        if (!menu().empty()) {
            show_menu(menu(), is_automatic);
        }
        close_context();
    }
    if (chosen) {
        set_variable("chosen", *chosen);
    } else {
        unset_variable("chosen");
    }
    if (standard) {
        set_variable("default", *standard);
    } else {
        unset_variable("default");
    }
    unset_variable("timeout");
}

} // namespace sealmount
