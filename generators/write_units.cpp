// SPDX-License-Identifier: LGPL-2.1-or-later
#include "write_units.hpp"

#include "base/error.hpp"
#include "base/unique_fd.hpp"
#include "core/volume/manifest.hpp"
#include "core/volume/unit_text.hpp"
#include "sys/files/files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <optional>
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
                throw Error{Reason::config,
                            in(name) + " exists already: is this mount point in /etc/fstab too?"};
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

    /// Makes the link by which a target starts the unit, in a directory that is made for the first of them.
    void link_to_target(const std::string& target_directory, const std::string& unit) const {
        const std::string link = target_directory + "/" + unit;
        const std::string target = "../" + unit;
        if (::symlinkat(target.c_str(), fd_.get(), link.c_str()) == 0) {
            return;
        }
        if (errno != ENOENT) {
            throw_errno(errno, in(link));
        }
        make_subdirectory(target_directory);
        if (::symlinkat(target.c_str(), fd_.get(), link.c_str()) != 0) {
            throw_errno(errno, in(link));
        }
    }

  private:
    [[nodiscard]] std::string in(const std::string& name) const { return path_ + "/" + name; }

    std::string path_;
    UniqueFd fd_;
};

void write_volume(const UnitDirectory& directory, const Volume& volume, bool with_helper) {
    // All texts first: a volume for which one of them throws leaves no file behind.
    const std::string mount_name = mount_unit_name(volume.mountpoint);
    const std::string mount = mount_unit(volume, with_helper);
    const std::optional<std::string> drop_in = unlock_drop_in(volume);

    directory.create_file(mount_name, mount);
    if (drop_in) {
        const std::string drop_ins = unlock_unit_name(volume) + ".d";
        directory.make_subdirectory(drop_ins);
        directory.create_file(drop_ins + "/50-volume.conf", *drop_in);
    }
    if (!volume.noauto) {
        directory.link_to_target(volume.nofail ? "local-fs.target.wants" : "local-fs.target.requires",
                                 mount_name);
    }
}

void write_for_all(const UnitDirectory& directory, const Manifest& manifest) {
    if (const std::optional<std::string> drop_in = many_volumes_drop_in(manifest.volumes.size())) {
        const std::string drop_ins = "sealmount-unlock@.service.d";
        directory.make_subdirectory(drop_ins);
        directory.create_file(drop_ins + "/50-many-volumes.conf", *drop_in);
    }
}

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

} // namespace

std::vector<std::string> write_units(const Paths& paths, const fs::path& directory) {
    if (is_switched_off(paths)) {
        return {};
    }
    const std::string place = paths.manifest().string();
    std::optional<std::string> text;
    try {
        text = read_trusted_file_if_exists(paths.manifest());
    } catch (const Error& error) { // names the file itself
        return {error.what()};
    }
    if (!text) {
        return {};
    }
    std::vector<std::string> problems;
    try {
        const Manifest manifest = read_manifest(*text);
        for (const Error& problem : manifest.problems) {
            problems.emplace_back(problem.in(place).what());
        }
        const bool with_helper = has_mount_helper(paths);
        const UnitDirectory units{directory};
        for (const Volume& volume : manifest.volumes) {
            try {
                write_volume(units, volume, with_helper);
            } catch (const Error& error) {
                problems.emplace_back(error.in("volume " + volume.name).in(place).what());
            }
        }
        write_for_all(units, manifest);
    } catch (const Error& error) {
        problems.emplace_back(error.in(place).what());
    }
    return problems;
}

} // namespace sealmount
