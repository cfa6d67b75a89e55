// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "write_units.hpp"

#include "base/error.hpp"
#include "base/format.hpp"
#include "base/text.hpp"
#include "base/unique_fd.hpp"
#include "core/volume/unit_text.hpp"
#include "planned_units.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <string_view>
#include <system_error>

namespace sealmount {

namespace {

namespace fs = std::filesystem;

/// The directory that units are written into. All is done relative to its descriptor and with few system
/// calls: every boot and every daemon-reload waits for this.
class UnitDirectory {
  public:
    explicit UnitDirectory(const fs::path& path)
        : path_(path.string()), fd_(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)) {
        if (!fd_) {
            throw_errno(errno, path_);
        }
    }

    /// Makes a file that must not exist yet: two generators that write the same unit must not mix their
    /// settings. Half a unit may mean something different from the whole, so none is left behind.
    void create_file(const std::string& name, std::string_view contents) const {
        const UniqueFd file{
            ::openat(fd_.get(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644)};
        if (!file) {
            if (errno == EEXIST) {
                throw Error{Reason::config, in(name) + " exists already: another generator made it"};
            }
            throw_errno(errno, in(name));
        }
        while (!contents.empty()) {
            const ssize_t written = ::write(file.get(), contents.data(), contents.size());
            if (written < 0) {
                if (errno == EINTR) {
                    continue;
                }
                const int error = errno;
                ::unlinkat(fd_.get(), name.c_str(), 0);
                throw_errno(error, in(name));
            }
            contents.remove_prefix(static_cast<std::size_t>(written));
        }
    }

    /// Another generator, or an earlier volume, may have made it.
    void make_subdirectory(const std::string& name) const {
        if (::mkdirat(fd_.get(), name.c_str(), 0755) != 0 && errno != EEXIST) {
            throw_errno(errno, in(name));
        }
    }

    /// A drop-in of a unit, in a directory that nobody else makes.
    void create_drop_in(const std::string& unit, const std::string& name, const std::string_view text) const {
        make_subdirectory(unit + ".d");
        create_file(unit + ".d/" + name, text);
    }

  private:
    [[nodiscard]] std::string in(const std::string& name) const { return path_ + "/" + name; }

    std::string path_;
    UniqueFd fd_;
};

/// By the units that they are for: who starts which volumes.
using Starters = std::map<std::string, Needed>;

constexpr const char* boot_target = "local-fs.target";
constexpr const char* resume_starter = "multi-user.target";

void write_volume(const UnitDirectory& directory, const PlannedVolume& planned, Starters& starters) {
    const Volume& volume = planned.volume;
    // All texts first: a volume for which one of them throws leaves no file behind.
    const std::string mount_name = mount_unit_name(volume.mountpoint);
    const std::string mount = mount_unit(volume, planned.place);
    const std::optional<std::string> drop_in = load_drop_in(volume, planned.disk, planned.outer);
    std::string started = mount_name;
    std::string automount;
    if (volume.automount) {
        started = automount_unit_name(volume.mountpoint);
        automount = automount_unit(volume, planned.place);
    }

    directory.create_file(mount_name, mount);
    if (volume.automount) {
        directory.create_file(started, automount);
    }
    if (drop_in) {
        directory.create_drop_in(load_unit_name(volume), "50-volume.conf", *drop_in);
    }
    if (!volume.noauto) {
        Needed& boot = starters[boot_target];
        (volume.nofail ? boot.wanted : boot.required).push_back(started);
    }
    for (const std::string& unit : volume.required_by) {
        starters[unit].required.push_back(started);
    }
    for (const std::string& manager : planned.managers) {
        starters[manager].awaited.push_back(started);
    }
}

/// What volumes have in common.
void write_for_all(const UnitDirectory& directory, const PlannedUnits& plan, const Starters& starters) {
    std::set<std::string> masters;
    std::set<std::string> ciphers;
    for (const PlannedVolume& planned : plan.volumes) {
        masters.insert(planned.volume.master);
        ciphers.insert(planned.volume.cipher);
        if (planned.volume.filename_signature) {
            ciphers.insert(planned.volume.filename_cipher);
        }
    }
    ciphers.erase(Volume{}.cipher); // whose modules the unit itself loads
    if (!ciphers.empty()) {
        directory.create_drop_in("sealmount-modules.service", "50-ciphers.conf",
                                 modules_drop_in({ciphers.begin(), ciphers.end()}));
    }
    masters.erase(Volume{}.master); // which the template names
    if (!masters.empty()) {
        directory.create_drop_in("sealmount-load@.service", "50-masters.conf",
                                 masters_drop_in({masters.begin(), masters.end()}));
    }
    for (const auto& [unit, needed] : starters) {
        // Targets order themselves after what they start, unless that says otherwise ("nofail").
        directory.create_drop_in(unit, "50-sealmount.conf", needed_drop_in(needed, unit != boot_target));
    }
}

/// Where something is mounted already, as the kernel lists it (proc(5)).
bool is_mounted_on(const std::string& table, const std::string& mountpoint) {
    std::string escaped;
    for (const char c : mountpoint) {
        if (c == ' ' || c == '\\') {
            escaped += c == ' ' ? "\\040" : "\\134";
        } else {
            escaped += c;
        }
    }
    return table.find(" " + escaped + " ") != std::string::npos;
}

/// Automounts are left alone: whoever looks at one waits for its mount.
void look_for_mountpoints(const Paths& paths, PlannedUnits& plan) {
    std::ostringstream contents;
    contents << std::ifstream{paths.below_root("/proc/self/mountinfo")}.rdbuf();
    const std::string table = contents.str();
    for (const PlannedVolume& planned : plan.volumes) {
        const std::string& mountpoint = planned.volume.mountpoint;
        if (planned.volume.automount || planned.place.is_inside || is_mounted_on(table, mountpoint)) {
            continue;
        }
        std::error_code ignored;
        if (!fs::is_directory(paths.below_root(mountpoint), ignored)) {
            plan.problems.push_back(
                formatted("{}: volume {}: its mount point {} is missing, and one that systemd "
                          "makes would accept plaintext",
                          paths.manifest().string(), planned.volume.name, in_quotes(mountpoint)));
        }
    }
}

} // namespace

std::vector<std::string> write_units(const Paths& paths, const fs::path& directory) {
    PlannedUnits plan = plan_units(paths);
    if (plan.volumes.empty() && !plan.is_suspended) {
        return std::move(plan.problems);
    }
    const std::string place = paths.manifest().string();
    try {
        const UnitDirectory units{directory};
        Starters starters;
        if (plan.is_suspended) {
            starters[resume_starter].wanted.emplace_back("sealmount-resume.service");
        }
        for (const PlannedVolume& planned : plan.volumes) {
            try {
                write_volume(units, planned, starters);
            } catch (const Error& error) {
                plan.problems.emplace_back(error.in("volume " + planned.volume.name).in(place).what());
            }
        }
        write_for_all(units, plan, starters);
    } catch (const Error& error) {
        plan.problems.emplace_back(error.in(place).what());
    }
    return std::move(plan.problems);
}

std::vector<std::string> problems_of_units(const Paths& paths) {
    PlannedUnits plan = plan_units(paths);
    for (const PlannedVolume& planned : plan.volumes) {
        try {
            static_cast<void>(mount_unit_name(planned.volume.mountpoint));
        } catch (const Error& error) {
            plan.problems.emplace_back(
                error.in("volume " + planned.volume.name).in(paths.manifest().string()).what());
        }
    }
    look_for_mountpoints(paths, plan);
    return std::move(plan.problems);
}

} // namespace sealmount
