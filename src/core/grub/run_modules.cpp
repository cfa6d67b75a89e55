// Source: kern/dl.c (loading and what a module depends on), kern/corecmd.c (insmod), normal/dyncmd.c,
// normal/autofs.c, normal/crypto.c and normal/term.c (the lists beside the modules). Under Secure Boot the
// verifier of kern/efi/sb.c refuses every module, after it has been measured.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/grub/elf_section.hpp"
#include "core/grub/run.hpp"

#include <algorithm>
#include <utility>

namespace sealmount {

namespace {

constexpr unsigned deepest_dependency = 40;

/// "NAME: MODULE" (normal/dyncmd.c); a name may begin with the mark of a command that comes first.
std::optional<std::pair<std::string, std::string>> list_line(std::string_view line) {
    const auto skip = [](std::string_view& text, const std::string_view what) {
        text.remove_prefix(std::min(text.find_first_not_of(what), text.size()));
    };
    skip(line, " \t\v\f");
    if (line.starts_with('*')) {
        line.remove_prefix(1);
    }
    const std::size_t colon = line.find(':');
    if (line.empty() || colon == std::string_view::npos) {
        return std::nullopt;
    }
    std::string_view module = line.substr(colon + 1);
    skip(module, " \t");
    return std::pair{std::string{line.substr(0, colon)}, std::string{module}};
}

} // namespace

bool GrubRun::load_module(const std::string& name) {
    if (has_module(name)) {
        return true;
    }
    return load_module_file(environment.text("prefix") + "/" + start_.cpu + "-" + start_.platform + "/" +
                            name + ".mod");
}

bool GrubRun::load_module_file(const std::string& name) {
    const auto file = open(name);
    if (!file || start_.secure_boot) {
        return false;
    }
    const std::string module = read(*file);
    auto own_name = elf_section(as_bytes(module), ".modname");
    if (!own_name) {
        stop("\"" + file->path + "\" is not a module for this GRUB");
    }
    own_name->resize(std::min(own_name->find('\0'), own_name->size()));
    if (++depth_ > deepest_dependency) {
        stop("modules depend on modules without end");
    }
    const std::string needed = elf_section(as_bytes(module), ".moddeps").value_or("");
    for (std::size_t at = 0; at < needed.size();) {
        const std::size_t end = std::min(needed.find('\0', at), needed.size());
        const std::string one = needed.substr(at, end - at);
        if (!one.empty() && !load_module(one)) {
            --depth_;
            return false;
        }
        at = end + 1;
    }
    --depth_;
    if (*own_name == "gettext") {
        open_catalog(environment.text("lang"), environment.text("locale_dir"), environment.text("prefix"));
        for (const char* const variable : {"lang", "locale_dir", "secondary_locale_dir"}) {
            environment.export_name(variable);
        }
    }
    modules_.insert(*own_name);
    return true;
}

const std::string* GrubRun::module_of_command(const std::string& command) const {
    const auto found = command_modules_.find(command);
    return found == command_modules_.end() ? nullptr : &found->second;
}

const std::string* GrubRun::module_of_terminal(const std::string& terminal) const {
    for (const auto& [name, module] : terminal_modules_) {
        const bool is_pattern = name.ends_with('*');
        if (is_pattern ? terminal.starts_with(name.substr(0, name.size() - 1)) : terminal == name) {
            return &module;
        }
    }
    return nullptr;
}

void GrubRun::read_lists(const std::string& prefix) {
    if (prefix.empty()) {
        return;
    }
    const std::string directory = prefix + "/" + start_.cpu + "-" + start_.platform + "/";
    const auto read_list = [&](const std::string& name, std::map<std::string, std::string>& list) {
        const auto file = open(directory + name);
        if (!file) {
            return;
        }
        list.clear();
        for (const ScriptLine& line : configuration_lines(read(*file))) {
            if (auto one = list_line(line.text)) {
                list.insert(std::move(*one));
            }
        }
    };
    read_list("command.lst", command_modules_);
    (void)open(directory + "fs.lst");
    (void)open(directory + "crypto.lst");
    read_list("terminal.lst", terminal_modules_);
    if (has_module("gettext")) {
        open_catalog(environment.text("lang"), environment.text("locale_dir"), prefix);
    }
}

} // namespace sealmount
