// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/volume/other_units.hpp"

#include "base/error.hpp"
#include "core/volume/unit_text.hpp"

#include <array>
#include <dirent.h>
#include <filesystem>
#include <memory>
#include <string_view>

namespace sealmount {

namespace {

constexpr std::array unit_directories = {
    "/etc/systemd/system.control",   "/run/systemd/system.control",  "/run/systemd/transient",
    "/run/systemd/generator.early",  "/etc/systemd/system",          "/etc/systemd/system.attached",
    "/run/systemd/system",           "/run/systemd/system.attached", "/run/systemd/generator",
    "/usr/local/lib/systemd/system", "/usr/lib/systemd/system"};
constexpr const char* late_directory = "/run/systemd/generator.late";

struct UnitDirectoryCloser {
    void operator()(::DIR* const stream) const { ::closedir(stream); }
};

/// Nothing when it cannot be read.
std::optional<std::set<std::string>> mounts_in(const std::filesystem::path& directory) {
    const std::unique_ptr<::DIR, UnitDirectoryCloser> stream{::opendir(directory.c_str())};
    if (!stream) {
        return std::nullopt;
    }
    std::set<std::string> names;
    while (const ::dirent* const entry = ::readdir(stream.get())) {
        const std::string_view name = entry->d_name;
        if (name.ends_with(".mount") || name.ends_with(".automount")) {
            names.emplace(name);
        }
    }
    return names;
}

} // namespace

OtherUnits OtherUnits::look(const Paths& paths) {
    OtherUnits units;
    for (const char* const directory : unit_directories) {
        if (auto names = mounts_in(paths.below_root(directory))) {
            units.others_.merge(*names);
        }
    }
    units.generated_ = mounts_in(paths.below_root(late_directory));
    return units;
}

bool OtherUnits::stand_for(const Volume& volume) const {
    const auto is_anothers = [&](const std::string& unit) {
        return others_.contains(unit) || (generated_ && !generated_->contains(unit));
    };
    try {
        return is_anothers(mount_unit_name(volume.mountpoint)) ||
               (volume.automount && is_anothers(automount_unit_name(volume.mountpoint)));
    } catch (const Error&) { // a path that is too long for a unit has none
        return true;
    }
}

} // namespace sealmount
