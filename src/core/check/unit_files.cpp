// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/check/unit_files.hpp"

#include "base/format.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <system_error>

namespace sealmount {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view generator_name = "sealmount-generator";

constexpr std::array generated_in = {"/run/systemd/generator/", "/run/systemd/generator.early/",
                                     "/run/systemd/generator.late/"};
constexpr std::array packaged_in = {"/usr/lib/", "/lib/"};
constexpr std::array generators_in = {"/etc/systemd/system-generators",
                                      "/usr/local/lib/systemd/system-generators",
                                      "/usr/lib/systemd/system-generators", "/lib/systemd/system-generators"};

/// What generators wrote is there again after a boot; all else in /run is not.
bool lasts(const std::string& directory) {
    return !directory.starts_with("/run/") || is_generated(directory + "/");
}

/// A link to /dev/null is there, too, and so is one that leads nowhere.
bool has_entry(const fs::path& file) {
    std::error_code ignored;
    return fs::symlink_status(file, ignored).type() != fs::file_type::not_found;
}

std::optional<std::string> first_entry(const Paths& paths, const std::vector<std::string>& directories,
                                       const std::string& name) {
    for (const std::string& directory : directories) {
        std::string file = formatted("{}/{}", directory, name);
        if (has_entry(paths.below_root(file))) {
            return file;
        }
    }
    return std::nullopt;
}

/// "a@.service" for "a@b.service"; "" for a unit that is not an instance.
std::string template_of(const std::string_view unit) {
    const auto at = unit.find('@');
    const auto dot = unit.rfind('.');
    return at == std::string_view::npos || dot == std::string_view::npos || dot < at
               ? std::string{}
               : std::string{unit.substr(0, at + 1)}.append(unit.substr(dot));
}

std::vector<std::string> lasting_of(const std::vector<std::string>& unit_path) {
    std::vector<std::string> lasting;
    std::ranges::copy_if(unit_path, std::back_inserter(lasting), lasts);
    return lasting;
}

/// The names of the directories that the unit's drop-ins may be in.
std::vector<std::string> drop_in_directories(const std::string_view unit) {
    const std::string_view suffix = unit.substr(std::min(unit.rfind('.'), unit.size())); // ".mount"
    const std::string_view prefix = unit.substr(0, std::min(unit.find('@'), unit.size() - suffix.size()));
    std::vector<std::string> names{std::string{unit}};
    if (std::string common = template_of(unit); !common.empty()) {
        names.push_back(std::move(common));
    }
    for (std::size_t dash = prefix.find('-'); dash != std::string_view::npos;
         dash = prefix.find('-', dash + 1)) {
        names.push_back(std::string{prefix.substr(0, dash + 1)}.append(suffix));
    }
    if (!suffix.empty()) {
        names.emplace_back(suffix.substr(1));
    }
    for (std::string& name : names) {
        name += ".d";
    }
    return names;
}

/// Has systemd read one of that name, from wherever?
bool is_known_drop_in(const std::vector<std::string>& known, const fs::path& name) {
    return std::ranges::any_of(known,
                               [&](const std::string& file) { return fs::path{file}.filename() == name; });
}

} // namespace

bool is_generated(const std::string_view unit_file) {
    return std::ranges::any_of(generated_in,
                               [&](const char* const place) { return unit_file.starts_with(place); });
}

bool is_packaged(const std::string_view unit_file) {
    return std::ranges::any_of(packaged_in,
                               [&](const char* const place) { return unit_file.starts_with(place); });
}

bool is_masking(const fs::path& file) {
    std::error_code failed;
    const fs::file_status status = fs::status(file, failed);
    if (fs::is_character_file(status)) {
        return true;
    }
    return fs::is_regular_file(status) && fs::file_size(file, failed) == 0 && !failed;
}

std::optional<std::string> unit_file_at_boot(const Paths& paths, const std::vector<std::string>& unit_path,
                                             const std::string_view unit) {
    const std::vector<std::string> lasting = lasting_of(unit_path);
    if (auto own = first_entry(paths, lasting, std::string{unit})) {
        return own;
    }
    const std::string common = template_of(unit);
    return common.empty() ? std::nullopt : first_entry(paths, lasting, common);
}

std::vector<std::string> unread_drop_ins(const Paths& paths, const std::vector<std::string>& unit_path,
                                         const std::string_view unit, const std::vector<std::string>& known) {
    std::vector<std::string> unread;
    for (const std::string& place : lasting_of(unit_path)) {
        for (const std::string& name : drop_in_directories(unit)) {
            const std::string directory = formatted("{}/{}", place, name);
            std::error_code failed;
            for (const fs::directory_entry& entry :
                 fs::directory_iterator{paths.below_root(directory), failed}) {
                const fs::path file = entry.path().filename();
                if (file.extension() == ".conf" && !is_known_drop_in(known, file) &&
                    !is_masking(entry.path())) {
                    unread.push_back(directory + "/" + file.string());
                }
            }
        }
    }
    std::ranges::sort(unread);
    return unread;
}

bool is_same_file(const Paths& paths, const std::string& one, const std::string& other) {
    std::error_code failed;
    return one == other || fs::equivalent(paths.below_root(one), paths.below_root(other), failed);
}

std::optional<std::string> generator_file_at_boot(const Paths& paths) {
    const std::vector<std::string> directories{generators_in.begin(), generators_in.end()};
    return first_entry(paths, directories, std::string{generator_name});
}

} // namespace sealmount
