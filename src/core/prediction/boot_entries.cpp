// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/prediction/boot_entries.hpp"

#include "base/error.hpp"
#include "base/format.hpp"
#include "base/strict_json.hpp"
#include "base/text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <sstream>

namespace sealmount {

namespace {

[[noreturn]] void fail(const std::string_view what) {
    throw Error{Reason::bad_data, formatted("bootctl list: {}", what)};
}

std::string string_of(const Json& entry, const char* const member) {
    const auto found = entry.find(member);
    if (found == entry.end() || found->is_null()) {
        return {};
    }
    if (!found->is_string()) {
        fail(formatted("{} is not a string", member));
    }
    return found->get<std::string>();
}

bool flag_of(const Json& entry, const char* const member) {
    const auto found = entry.find(member);
    return found != entry.end() && found->is_boolean() && found->get<bool>();
}

BootEntry entry_of(const Json& json) {
    if (!json.is_object()) {
        fail("an entry is not an object");
    }
    BootEntry entry;
    entry.id = string_of(json, "id");
    entry.title = string_of(json, "showTitle");
    entry.root = string_of(json, "root");
    entry.image = string_of(json, "linux");
    if (entry.image.empty()) {
        entry.image = string_of(json, "efi");
    }
    entry.options = string_of(json, "options");
    entry.is_default = flag_of(json, "isDefault");
    entry.is_selected = flag_of(json, "isSelected");
    if (const auto initrds = json.find("initrd"); initrds != json.end() && initrds->is_array()) {
        for (const Json& initrd : *initrds) {
            if (!initrd.is_string()) {
                fail("an initrd is not a string");
            }
            entry.initrds.push_back(initrd.get<std::string>());
        }
    }
    return entry;
}

std::vector<Json> values_of(const std::string_view text) {
    std::vector<Json> values;
    std::istringstream lines{std::string{text}};
    for (std::string line; std::getline(lines, line);) {
        if (line.find_first_not_of(" \t\r") == std::string::npos) {
            continue;
        }
        Json value;
        try {
            value = parse_json(line);
        } catch (const Error& error) {
            fail(error.what());
        }
        if (!value.is_array()) {
            values.push_back(std::move(value));
            continue;
        }
        values.insert(values.end(), value.begin(), value.end());
    }
    return values;
}

/// The value in "   key: value", as the list for people has it, if the line has that key.
std::optional<std::string> value_behind(const std::string& line, const std::string_view key) {
    const std::size_t begin = line.find_first_not_of(' ');
    if (begin == std::string::npos || line.compare(begin, key.size(), key) != 0) {
        return std::nullopt;
    }
    return line.substr(begin + key.size());
}

/// Marks follow the title: "title: Debian (default) (selected)".
void take_marks(std::vector<BootEntry>& entries, const std::string& title_line, const std::string& id) {
    const auto entry = std::ranges::find(entries, id, &BootEntry::id);
    if (entry == entries.end() || !title_line.starts_with(entry->title)) {
        return;
    }
    const std::string marks = title_line.substr(entry->title.size());
    entry->is_default = entry->is_default || marks.find("(default)") != std::string::npos;
    entry->is_selected = entry->is_selected || marks.find("(selected)") != std::string::npos;
}

} // namespace

std::string BootEntry::command_line() const {
    std::vector<std::string> parts;
    for (std::string path : initrds) {
        std::ranges::replace(path, '/', '\\');
        parts.push_back("initrd=" + path);
    }
    if (!options.empty()) {
        parts.push_back(options);
    }
    return join(parts, " ");
}

std::vector<BootEntry> read_boot_entries(const std::string_view json, const std::string_view text) {
    std::vector<BootEntry> entries;
    for (const Json& value : values_of(json)) {
        entries.push_back(entry_of(value));
    }
    std::istringstream lines{std::string{text}};
    std::string title;
    for (std::string line; std::getline(lines, line);) {
        if (const auto value = value_behind(line, "title: ")) {
            title = *value;
        } else if (const auto id = value_behind(line, "id: ")) {
            take_marks(entries, title, *id);
        }
    }
    std::erase_if(entries, [](const BootEntry& entry) { return entry.image.empty(); });
    return entries;
}

} // namespace sealmount
