// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/files/guard.hpp"

#include "base/unique_fd.hpp"
#include "sys/files/idle_mountpoint.hpp"
#include "sys/files/path_walk.hpp"

#include <cerrno>
#include <fcntl.h>
#include <linux/fs.h>
#include <optional>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace sealmount {

namespace {

namespace fs = std::filesystem;

GuardProblem problem_of(const int error) {
    switch (error) {
    case ENOTTY:
    case EOPNOTSUPP:
    case ENOSYS:
    case EINVAL:
        return "its file system cannot make directories immutable";
    case ELOOP:
        return "there is a symbolic link in its path, where systemd mounts nothing";
    default:
        return std::generic_category().message(error);
    }
}

bool is_mount_root(const fs::path& directory) {
    struct ::statx status = {};
    return ::statx(AT_FDCWD, directory.c_str(), AT_NO_AUTOMOUNT, STATX_TYPE, &status) == 0 &&
           (status.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

/// The directory itself, whatever is mounted on it, without following links: whoever may write to a directory
/// on the way could turn one into somebody else's directory. Without a descriptor, errno says why.
UniqueFd open_below_mount(const fs::path& directory) {
    if (!is_mount_root(directory)) {
        return open_without_links(directory.string(), O_RDONLY);
    }
    const UniqueFd above = open_without_links(directory.parent_path().string(), O_PATH);
    if (!above) {
        return UniqueFd{};
    }
    // A copy of the mount that the parent lies in, without what is mounted further down. It is attached
    // nowhere and goes with its descriptor.
    const UniqueFd parent{::open_tree(above.get(), "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)};
    constexpr int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW;
    return parent ? UniqueFd{::openat(parent.get(), directory.filename().c_str(), flags)} : UniqueFd{};
}

/// The inode flags; nothing (and errno) where the file system has none. The kernel reads and writes an int,
/// whatever the name of the request says (ioctl_iflags(2)).
std::optional<int> flags_of(const UniqueFd& directory) {
    int flags = 0;
    if (!directory || ::ioctl(directory.get(), FS_IOC_GETFLAGS, &flags) != 0) {
        return std::nullopt;
    }
    return flags;
}

std::expected<void, GuardProblem> change_flags(const UniqueFd& directory, const int flags) {
    if (::ioctl(directory.get(), FS_IOC_SETFLAGS, &flags) != 0) {
        return std::unexpected{problem_of(errno)};
    }
    return {};
}

bool is_immutable(const int flags) {
    return (flags & FS_IMMUTABLE_FL) != 0;
}

} // namespace

std::expected<void, GuardProblem> set_guard(const fs::path& mountpoint) {
    const UniqueFd directory = open_below_mount(mountpoint);
    const auto flags = flags_of(directory);
    if (!flags) {
        return std::unexpected{problem_of(errno)};
    }
    if (is_immutable(*flags)) {
        return {};
    }
    std::error_code failed;
    // By its descriptor: what lies below a mount has no path.
    if (!is_idle("/proc/self/fd/" + std::to_string(directory.get()), failed)) {
        return std::unexpected{failed ? problem_of(failed.value())
                                      : std::string{"it holds files below the mount"}};
    }
    return change_flags(directory, *flags | FS_IMMUTABLE_FL);
}

std::expected<void, GuardProblem> sync_guard(const fs::path& mountpoint) {
    const UniqueFd directory = open_below_mount(mountpoint);
    // EINVAL: a file system that has nothing to synchronize.
    if (!directory || (::fsync(directory.get()) != 0 && errno != EINVAL)) {
        return std::unexpected{problem_of(errno)};
    }
    return {};
}

std::expected<void, GuardProblem> lift_guard(const fs::path& mountpoint) {
    const UniqueFd directory = open_below_mount(mountpoint);
    if (!directory) {
        return errno == ENOENT || errno == ENOTDIR ? std::expected<void, GuardProblem>{}
                                                   : std::unexpected{problem_of(errno)};
    }
    const auto flags = flags_of(directory);
    if (!flags || !is_immutable(*flags)) {
        return {}; // where there is no flag there is no guard
    }
    return change_flags(directory, *flags & ~FS_IMMUTABLE_FL);
}

bool is_guarded(const fs::path& mountpoint) {
    const auto flags = flags_of(open_below_mount(mountpoint));
    return flags && is_immutable(*flags);
}

} // namespace sealmount
