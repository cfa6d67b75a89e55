// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/files/mounted_files.hpp"

#include "base/error.hpp"
#include "base/format.hpp"
#include "base/text.hpp"
#include "sys/files/mount_table.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <memory>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <utility>

namespace sealmount {

namespace {

struct ListingCloser {
    void operator()(::DIR* const stream) const { ::closedir(stream); }
};

/// Of the mount that a file is seen through; 0 when the kernel does not say.
std::uint64_t mount_id(const int fd) {
    struct ::statx status = {};
    const bool is_known =
        ::statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &status) == 0 && (status.stx_mask & STATX_MNT_ID) != 0;
    return is_known ? status.stx_mnt_id : 0;
}

/// The top of the mount, or an empty descriptor when something else is mounted over it.
UniqueFd open_mount(const MountedRoot& mount) {
    UniqueFd top{::open(mount.mountpoint.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
    const std::uint64_t found = top && mount.id != 0 ? mount_id(top.get()) : mount.id;
    return found != 0 && found != mount.id ? UniqueFd{} : std::move(top);
}

/// Without openat2(2): step by step, and no symbolic link. errno as openat2(2) has it.
UniqueFd open_by_steps(const int top, const std::filesystem::path& below) {
    UniqueFd here{::openat(top, ".", O_PATH | O_DIRECTORY | O_CLOEXEC)};
    const std::uint64_t mount = here ? mount_id(here.get()) : 0;
    for (const std::filesystem::path& part : below) {
        if (!here || part.empty() || part == ".") {
            continue;
        }
        UniqueFd next{::openat(here.get(), part.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC)};
        struct ::stat status = {};
        if (next && (mount == 0 || mount_id(next.get()) != mount || part == ".." ||
                     ::fstat(next.get(), &status) != 0 || S_ISLNK(status.st_mode))) {
            errno = EXDEV;
            return {};
        }
        here = std::move(next);
    }
    return here;
}

/// As somebody sees it who knows only this mount.
UniqueFd open_within(const int top, const std::string& below, const bool is_whole) {
    ::open_how how{};
    how.flags = O_PATH | O_CLOEXEC;
    how.resolve = RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS | (is_whole ? RESOLVE_IN_ROOT : RESOLVE_BENEATH);
    UniqueFd fd{static_cast<int>(::syscall(SYS_openat2, top, below.c_str(), &how, sizeof how))};
    // In a service with RestrictSUIDSGID= there is none (systemd, src/shared/seccomp-util.c).
    return !fd && errno == ENOSYS ? open_by_steps(top, below) : std::move(fd);
}

UniqueFd reopened(const int fd, const int flags) {
    return UniqueFd{::open(formatted("/proc/self/fd/{}", fd).c_str(), flags | O_CLOEXEC | O_NOCTTY)};
}

} // namespace

MountedFiles::MountedFiles(std::string name, std::vector<MountedRoot> mounts)
    : name_(std::move(name)), mounts_(std::move(mounts)) {
    std::ranges::stable_sort(mounts_, std::ranges::greater{},
                             [](const MountedRoot& mount) { return mount.root.size(); });
}

std::string MountedFiles::in_words(const std::string& path) const {
    return formatted("({}){}", name_, printable(path));
}

std::optional<UniqueFd> MountedFiles::find(const std::string& path) const {
    for (const MountedRoot& mount : mounts_) {
        if (!is_in(path, mount.root)) {
            continue;
        }
        const UniqueFd top = open_mount(mount);
        if (!top) {
            continue;
        }
        const std::string below = "." + path.substr(mount.root == "/" ? 0 : mount.root.size());
        UniqueFd fd = open_within(top.get(), below, mount.root == "/");
        if (fd) {
            return fd;
        }
        if (errno == ENOENT || errno == ENOTDIR) {
            return std::nullopt;
        }
        throw Error{Reason::unavailable,
                    errno == EXDEV
                        ? formatted("{}: another file system is mounted on the way, or a link leads out",
                                    in_words(path))
                        : formatted("{}: cannot be looked at: {}", in_words(path), std::strerror(errno))};
    }
    throw Error{Reason::unavailable, formatted("{}: its file system is not mounted", in_words(path))};
}

MountedFiles::Kind MountedFiles::kind(const std::string& path) const {
    const auto fd = find(path);
    struct ::stat status = {};
    if (!fd || ::fstat(fd->get(), &status) != 0) {
        return Kind::missing;
    }
    return S_ISDIR(status.st_mode) ? Kind::directory : S_ISREG(status.st_mode) ? Kind::file : Kind::missing;
}

void MountedFiles::read(const std::string& path, const std::function<void(BytesView)>& take) const {
    const auto fd = find(path);
    struct ::stat status = {};
    if (!fd || ::fstat(fd->get(), &status) != 0 || !S_ISREG(status.st_mode)) {
        throw Error{Reason::no_input, formatted("{}: is not a file", in_words(path))};
    }
    if ((status.st_uid != 0 && status.st_uid != ::geteuid()) || (status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        throw Error{Reason::config, formatted("{}: others than root can write to it", in_words(path))};
    }
    const UniqueFd file = reopened(fd->get(), O_RDONLY);
    std::array<char, 65536> buffer; // NOLINT(cppcoreguidelines-pro-type-member-init): read(2) fills it
    for (;;) {
        const ::ssize_t got = file ? ::read(file.get(), buffer.data(), buffer.size()) : -1;
        if (got < 0 && file && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            throw_errno(errno, in_words(path));
        }
        if (got == 0) {
            return;
        }
        take(as_bytes({buffer.data(), static_cast<std::size_t>(got)}));
    }
}

std::string MountedFiles::read(const std::string& path, const std::size_t limit) const {
    std::string contents;
    read(path, [&](const BytesView piece) {
        contents.append(reinterpret_cast<const char*>(piece.data()), piece.size());
        if (contents.size() > limit) {
            throw Error{Reason::bad_data, formatted("{}: is longer than {} bytes", in_words(path), limit)};
        }
    });
    return contents;
}

std::vector<std::string> MountedFiles::names(const std::string& directory) const {
    const auto fd = find(directory);
    UniqueFd opened = fd ? reopened(fd->get(), O_RDONLY | O_DIRECTORY) : UniqueFd{};
    const std::unique_ptr<::DIR, ListingCloser> stream{opened ? ::fdopendir(opened.get()) : nullptr};
    if (!stream) {
        throw Error{Reason::no_input, formatted("{}: is not a directory", in_words(directory))};
    }
    (void)opened.release();
    std::vector<std::string> names;
    while (const ::dirent* const entry = ::readdir(stream.get())) {
        const std::string name = entry->d_name;
        if (name != "." && name != "..") {
            names.push_back(name);
        }
    }
    return names;
}

} // namespace sealmount
