// SPDX-License-Identifier: LGPL-2.1-or-later
#include "write_units.hpp"

#include "base/error.hpp"
#include "base/unique_fd.hpp"
#include "core/manifest.hpp"
#include "core/unit_text.hpp"
#include "sys/files.hpp"

#include <fcntl.h>
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

void make_directories(const fs::path& directory) {
    std::error_code error;
    fs::create_directories(directory, error);
    if (error) {
        throw_errno(error.value(), directory.string());
    }
}

/// Makes a file that must not exist yet: two generators that want the same unit must not mix their settings.
void create_file(const fs::path& file, std::string_view contents) {
    const UniqueFd fd{::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644)};
    if (!fd) {
        if (errno == EEXIST) {
            throw Error{Reason::config,
                        file.string() + " exists already: is this mount point in /etc/fstab too?"};
        }
        throw_errno(errno, file.string());
    }
    while (!contents.empty()) {
        const ssize_t written = ::write(fd.get(), contents.data(), contents.size());
        if (written < 0) {
            if (errno == EINTR) {
                continue;
            }
            const int problem = errno;
            ::unlink(file.c_str()); // half a unit may mean something else than the whole
            throw_errno(problem, file.string());
        }
        contents.remove_prefix(static_cast<std::size_t>(written));
    }
}

void link_to_target(const fs::path& directory, std::string_view target_directory, const std::string& unit) {
    make_directories(directory / target_directory);
    const fs::path link = directory / target_directory / unit;
    std::error_code error;
    fs::create_symlink(fs::path{".."} / unit, link, error);
    if (error) {
        throw_errno(error.value(), link.string());
    }
}

void write_volume(const fs::path& directory, const Volume& volume, bool with_helper) {
    // All texts first: a volume that one of them refuses leaves no file behind.
    const std::string mount_name = mount_unit_name(volume.mountpoint);
    const std::string mount = mount_unit(volume, with_helper);
    const std::string drop_in = unlock_drop_in(volume);

    create_file(directory / mount_name, mount);
    const fs::path drop_ins = directory / (unlock_unit_name(volume) + ".d");
    make_directories(drop_ins);
    create_file(drop_ins / "50-volume.conf", drop_in);
    if (!volume.noauto) {
        link_to_target(directory, volume.nofail ? "local-fs.target.wants" : "local-fs.target.requires",
                       mount_name);
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
    std::vector<std::string> complaints;
    try {
        const Manifest manifest = read_manifest(*text);
        for (const Error& problem : manifest.problems) {
            complaints.emplace_back(problem.in(place).what());
        }
        const bool with_helper = has_mount_helper(paths);
        for (const Volume& volume : manifest.volumes) {
            try {
                write_volume(directory, volume, with_helper);
            } catch (const Error& error) {
                complaints.emplace_back(error.in("volume " + volume.name).in(place).what());
            }
        }
    } catch (const Error& error) {
        complaints.emplace_back(error.in(place).what());
    }
    return complaints;
}

} // namespace sealmount
