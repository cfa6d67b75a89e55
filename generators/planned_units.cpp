// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "planned_units.hpp"

#include "base/error.hpp"
#include "base/format.hpp"
#include "base/text.hpp"
#include "core/volume/manifest_rules.hpp"
#include "sys/files/files.hpp"
#include "sys/files/fstab.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <string_view>
#include <system_error>
#include <unordered_map>
#include <unordered_set>

namespace sealmount {

namespace {

namespace fs = std::filesystem;

/// "sealmount=no" on the kernel command line, in any spelling that systemd takes for "no"; the last one
/// counts.
bool is_switched_off(const Paths& paths) {
    constexpr std::array<std::string_view, 6> noes{"0", "no", "n", "false", "f", "off"};
    constexpr std::string_view prefix = "sealmount=";
    std::ifstream command_line{paths.below_root("/proc/cmdline")};
    bool off = false;
    for (std::string word; command_line >> word;) {
        if (word.starts_with(prefix)) {
            off = std::ranges::find(noes, std::string_view{word}.substr(prefix.size())) != noes.end();
        }
    }
    return off;
}

/// Where mount(8) looks for a helper first.
bool has_mount_helper(const Paths& paths) {
    constexpr std::array<const char*, 2> places{"/sbin/mount.ecryptfs", "/usr/sbin/mount.ecryptfs"};
    return std::ranges::any_of(places, [&](const char* place) {
        std::error_code ignored;
        return fs::exists(paths.below_root(place), ignored);
    });
}

/// Does one directory contain files of this kind?
bool holds(const fs::path& directory, const std::string_view extension) {
    std::error_code ignored;
    for (fs::directory_iterator entry{directory, ignored}, end; entry != end; entry.increment(ignored)) {
        if (entry->path().extension() == extension) {
            return true;
        }
    }
    return false;
}

/// Of volumes that were enrolled here.
bool has_remains(const Paths& paths) {
    return holds(paths.masters(), ".json") || holds(paths.keys(), ".key");
}

/// Does one of the master files in a directory have a slot that is for a number of boots? Its policy has a
/// member for that, which no other has (core/policy/policy_json.cpp). One that cannot be read may have.
bool holds_suspension(const fs::path& directory) {
    std::error_code ignored;
    for (fs::directory_iterator entry{directory, ignored}, end; entry != end; entry.increment(ignored)) {
        if (entry->path().extension() != ".json") {
            continue;
        }
        try {
            const std::optional<std::string> text = read_trusted_file_if_exists(entry->path());
            if (text && text->find("\"last_boot\"") != std::string::npos) {
                return true;
            }
        } catch (const Error&) {
            return true;
        }
    }
    return false;
}

/// What /etc/fstab mounts, and in which line.
class Table {
  public:
    explicit Table(const Paths& paths) {
        std::optional<std::string> text;
        try {
            text = read_trusted_file_if_exists(paths.below_root("/etc/fstab"));
        } catch (const Error&) { // NOLINT(bugprone-empty-catch): systemd will have something to say about it
        }
        for (const FstabLine& line : read_fstab(text.value_or(""))) {
            if (problem_with_path(line.mountpoint)) { // "/", "none", or what cannot be a unit
                continue;
            }
            lines_.try_emplace(line.mountpoint, line.number);
            try {
                units_.emplace(line.mountpoint, mount_unit_name(line.mountpoint));
            } catch (const Error&) { // NOLINT(bugprone-empty-catch): its path is too long for one
            }
        }
    }

    /// The number of the line; 0 for none.
    [[nodiscard]] std::size_t line_for(const std::string& mountpoint) const {
        const auto found = lines_.find(mountpoint);
        return found == lines_.end() ? 0 : found->second;
    }

    /// The mount unit that the directory lies on, or is; "" for none.
    [[nodiscard]] std::string unit_below(std::string_view directory) const {
        while (!units_.empty() && !directory.empty()) {
            if (const auto found = units_.find(directory); found != units_.end()) {
                return found->second;
            }
            directory = directory.substr(0, directory.rfind('/'));
        }
        return "";
    }

  private:
    std::unordered_map<std::string, std::size_t> lines_;
    std::map<std::string, std::string, std::less<>> units_;
};

std::string_view parent_of(const std::string_view path) {
    return path.substr(0, path.rfind('/'));
}

using MountPoints = std::unordered_set<std::string_view>;

/// The homes of users.
class Homes {
  public:
    /// Where one is a mount point, or lies in one, that is remembered.
    Homes(const Paths& paths, const MountPoints& mountpoints) {
        constexpr std::size_t id_field = 2; // passwd(5)
        constexpr std::size_t home_field = 5;
        std::ifstream passwd{paths.below_root("/etc/passwd")};
        for (std::string line; std::getline(passwd, line);) {
            std::istringstream text{line};
            std::array<std::string, home_field + 1> fields;
            for (std::string& field : fields) {
                std::getline(text, field, ':');
            }
            const std::string manager = "user@" + fields[id_field] + ".service";
            if (problem_with_unit(manager) || !fields[home_field].starts_with('/')) {
                continue;
            }
            for (std::string_view place = fields[home_field]; !place.empty(); place = parent_of(place)) {
                if (mountpoints.contains(place)) {
                    managers_in_[std::string{place}].push_back(manager);
                }
            }
            managers_[fields[home_field]].push_back(manager);
        }
    }

    [[nodiscard]] bool contain(const std::string& directory) const {
        return directory == "/home" || directory.starts_with("/home/") || managers_.contains(directory);
    }

    /// Of the users whose home is there, or in it, or around it.
    [[nodiscard]] std::vector<std::string> managers_near(const std::string& mountpoint) const {
        std::vector<std::string> managers;
        const auto add = [&](const auto& all, const std::string& place) {
            if (const auto found = all.find(place); found != all.end()) {
                managers.insert(managers.end(), found->second.begin(), found->second.end());
            }
        };
        add(managers_in_, mountpoint);
        for (std::string_view place = parent_of(mountpoint); !place.empty(); place = parent_of(place)) {
            add(managers_, std::string{place});
        }
        return managers;
    }

  private:
    using Managers = std::unordered_map<std::string, std::vector<std::string>>;
    Managers managers_;    ///< by homes
    Managers managers_in_; ///< by mount points
};

/// The directory above it that is the mount point of another volume; "" for none.
std::string_view outer_of(std::string_view mountpoint, const MountPoints& mountpoints) {
    do {
        mountpoint = parent_of(mountpoint);
    } while (!mountpoint.empty() && !mountpoints.contains(mountpoint));
    return mountpoint;
}

/// Its mount unit; "" for none, and where no unit can be called so.
std::string unit_of_outer(const std::string_view outer) {
    try {
        return outer.empty() ? std::string{} : mount_unit_name(outer);
    } catch (const Error&) {
        return {};
    }
}

/// For each volume what the rest of the system says.
void plan_volumes(const Paths& paths, std::vector<Volume> volumes, PlannedUnits& plan) {
    const std::string manifest = paths.manifest().string();
    const bool with_helper = has_mount_helper(paths);
    const Table table{paths};
    MountPoints mountpoints;
    for (const Volume& volume : volumes) {
        mountpoints.insert(volume.mountpoint);
    }
    const Homes homes{paths, mountpoints};
    std::vector<MountPlace> places;
    std::vector<std::string> outers;
    places.reserve(volumes.size());
    outers.reserve(volumes.size());
    for (const Volume& volume : volumes) { // before one is moved, to whose text a view refers
        const std::string_view outer = outer_of(volume.mountpoint, mountpoints);
        outers.push_back(unit_of_outer(outer));
        places.push_back({.with_helper = with_helper,
                          .is_home = homes.contain(volume.mountpoint),
                          .is_inside = !outer.empty()});
    }
    plan.volumes.reserve(volumes.size());
    for (std::size_t i = 0; i < volumes.size(); ++i) {
        Volume& volume = volumes[i];
        if (const std::size_t line = table.line_for(volume.mountpoint)) {
            plan.problems.push_back(formatted("{}: volume {}: {} is in /etc/fstab too, line {}, which wins",
                                              manifest, volume.name, in_quotes(volume.mountpoint), line));
            continue;
        }
        std::string disk = table.unit_below(volume.lower);
        std::vector<std::string> managers = homes.managers_near(volume.mountpoint);
        plan.volumes.push_back({.volume = std::move(volume),
                                .place = places[i],
                                .disk = std::move(disk),
                                .outer = std::move(outers[i]),
                                .managers = std::move(managers)});
    }
}

/// A manifest that names no volumes, where there have been some.
void look_for_remains(const Paths& paths, const std::string_view what, PlannedUnits& plan) {
    if (has_remains(paths)) {
        plan.problems.push_back(formatted("{}: {}, but there are master keys or volume keys beside it: is it "
                                          "lost? No volume is mounted",
                                          paths.manifest().string(), what));
    }
}

} // namespace

PlannedUnits plan_units(const Paths& paths) {
    PlannedUnits plan;
    if (is_switched_off(paths)) {
        return plan;
    }
    // A new set of master files may wait for being moved to its place (core/store).
    plan.is_suspended = holds_suspension(paths.masters()) ||
                        holds_suspension(paths.replacement() / paths.masters().filename());
    const std::string place = paths.manifest().string();
    std::optional<std::string> text;
    try {
        text = read_trusted_file_if_exists(paths.manifest());
    } catch (const Error& error) { // names the file itself
        plan.problems.emplace_back(error.what());
        return plan;
    }
    if (!text) {
        look_for_remains(paths, "is missing", plan);
        return plan;
    }
    try {
        Manifest manifest = read_manifest(*text);
        for (const Error& problem : manifest.problems) {
            plan.problems.emplace_back(problem.in(place).what());
        }
        if (manifest.volumes.empty() && manifest.problems.empty()) {
            look_for_remains(paths, "names no volume", plan);
        }
        plan_volumes(paths, std::move(manifest.volumes), plan);
    } catch (const Error& error) {
        plan.problems.emplace_back(error.in(place).what());
    }
    return plan;
}

} // namespace sealmount
