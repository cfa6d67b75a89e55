// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/files/open_below.hpp"

#include "base/format.hpp"

#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <system_error>

namespace sealmount {

namespace {

struct FdDirectoryCloser {
    void operator()(::DIR* const stream) const { ::closedir(stream); }
};

constexpr unsigned long ecryptfs_magic = 0xf15f; // linux/magic.h, ECRYPTFS_SUPER_MAGIC

std::uint64_t number_of(const ::fsid_t& id) {
    std::uint64_t number = 0;
    static_assert(sizeof number == sizeof id);
    std::memcpy(&number, &id, sizeof number);
    return number;
}

std::string device_of(const struct ::statx& status) {
    return formatted("{}:{}", status.stx_dev_major, status.stx_dev_minor);
}

/// Up from a directory until it is its own parent: the root of a mount that hangs nowhere.
std::optional<std::uint64_t> top_inode(const std::string& directory) {
    constexpr int deepest = 256;
    const UniqueFd fd{::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
    struct ::stat here = {};
    if (!fd || ::fstat(fd.get(), &here) != 0) {
        return std::nullopt;
    }
    std::string up = "..";
    for (int step = 0; step < deepest; ++step, up += "/..") {
        struct ::stat above = {};
        if (::fstatat(fd.get(), up.c_str(), &above, AT_NO_AUTOMOUNT) != 0 || above.st_dev != here.st_dev) {
            return std::nullopt;
        }
        if (above.st_ino == here.st_ino) {
            return here.st_ino;
        }
        here = above;
    }
    return std::nullopt;
}

/// What a link of a process leads to, if that is on an eCryptfs mount which is in no table.
std::optional<DetachedUse> use_by(const std::string& link, const std::set<std::string>& known,
                                  const IsEcryptfs is_ecryptfs) {
    // A server that does not answer must not hold us up for somebody's open file.
    constexpr int flags = AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT;
    struct ::statx status = {};
    if (::statx(AT_FDCWD, link.c_str(), flags, STATX_TYPE | STATX_INO, &status) != 0) {
        return std::nullopt;
    }
    const bool is_directory = S_ISDIR(status.stx_mode);
    if ((!is_directory && !S_ISREG(status.stx_mode)) || known.contains(device_of(status)) ||
        !is_ecryptfs(link)) {
        return std::nullopt;
    }
    DetachedUse use;
    use.inode = status.stx_ino;
    if (struct ::statfs system = {}; ::statfs(link.c_str(), &system) == 0) {
        use.file_system = number_of(system.f_fsid);
    }
    std::error_code failed;
    use.path = std::filesystem::read_symlink(link, failed).string();
    if (is_directory) {
        use.root_inode = top_inode(link);
    }
    return use;
}

std::optional<DetachedUse> use_by_process(const std::filesystem::path& process,
                                          const std::set<std::string>& known, const IsEcryptfs is_ecryptfs) {
    for (const char* const link : {"cwd", "root"}) {
        if (auto use = use_by((process / link).string(), known, is_ecryptfs)) {
            return use;
        }
    }
    const std::filesystem::path directory = process / "fd";
    const std::unique_ptr<::DIR, FdDirectoryCloser> stream{::opendir(directory.c_str())};
    if (!stream) {
        return std::nullopt;
    }
    while (const ::dirent* const entry = ::readdir(stream.get())) {
        if (entry->d_name[0] == '.') {
            continue;
        }
        if (auto use = use_by((directory / entry->d_name).string(), known, is_ecryptfs)) {
            return use;
        }
    }
    return std::nullopt;
}

} // namespace

bool is_on_ecryptfs(const std::string& link) {
    struct ::statfs system = {};
    return ::statfs(link.c_str(), &system) == 0 &&
           static_cast<unsigned long>(system.f_type) == ecryptfs_magic;
}

std::vector<DetachedUse> detached_uses(const std::filesystem::path& proc, const std::set<std::string>& known,
                                       const IsEcryptfs is_ecryptfs) {
    std::vector<DetachedUse> uses;
    for (const unsigned id : processes_in(proc)) {
        if (auto use = use_by_process(proc / std::to_string(id), known, is_ecryptfs)) {
            use->process = named_process(proc, id);
            uses.push_back(std::move(*use));
        }
    }
    return uses;
}

IsItsMount is_mount_of_lower(const DetachedUse& use, const MountView& view, const std::string& lower) {
    const UniqueFd fd = view.open(lower, O_PATH | O_DIRECTORY);
    struct ::stat status = {};
    struct ::statfs system = {};
    if (!fd || ::fstat(fd.get(), &status) != 0 || ::fstatfs(fd.get(), &system) != 0) {
        return IsItsMount::unknown;
    }
    if (use.file_system != number_of(system.f_fsid)) {
        return IsItsMount::no;
    }
    if (use.root_inode) {
        return *use.root_inode == status.st_ino ? IsItsMount::yes : IsItsMount::no;
    }
    // Where file names are plain, the lower file has the same path.
    struct ::stat file = {};
    if (use.path.size() > 1 &&
        ::fstatat(fd.get(), use.path.c_str() + 1, &file, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) == 0 &&
        file.st_ino == use.inode) {
        return IsItsMount::yes;
    }
    return IsItsMount::unknown;
}

} // namespace sealmount
