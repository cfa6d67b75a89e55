// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/files/mount_view.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <system_error>
#include <unistd.h>

namespace sealmount {

std::string path_of_descriptor(const int fd) {
    std::error_code failed;
    const auto path = std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(fd), failed);
    return failed ? std::string{} : path.string();
}

std::optional<MountView> MountView::of(const std::filesystem::path& process) {
    const auto text = read_proc_file(process / "mountinfo");
    return text ? std::optional<MountView>{MountView{process, MountTable::parsed(*text)}} : std::nullopt;
}

std::optional<MountView> MountView::of_through(const std::filesystem::path& process,
                                               const std::filesystem::path& self) {
    const auto theirs = read_proc_file(process / "mountinfo");
    const auto ours = read_proc_file(self / "mountinfo");
    if (!ours) {
        return std::nullopt;
    }
    MountView view{self, MountTable::parsed(theirs.value_or(*ours))};
    view.table_of_root_ = theirs ? MountTable::parsed(*ours) : MountTable{};
    return view;
}

MountView::MountView(const std::filesystem::path& process, MountTable table)
    : root_(::open((process / "root").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)), table_(std::move(table)) {
    if (root_) {
        root_path_ = path_of_descriptor(root_.get());
    }
}

UniqueFd MountView::open(const std::string& path, const int flags) const {
    if (!root_) {
        errno = EACCES;
        return UniqueFd{};
    }
    ::open_how how{};
    how.flags = static_cast<unsigned>(flags | O_CLOEXEC);
    how.resolve = RESOLVE_IN_ROOT;
    UniqueFd fd{static_cast<int>(::syscall(SYS_openat2, root_.get(), path.c_str(), &how, sizeof how))};
    if (!fd && errno == ENOSYS) {
        const std::size_t start = std::min(path.find_first_not_of('/'), path.size());
        const std::string below = start == path.size() ? "." : path.substr(start);
        fd = UniqueFd{::openat(root_.get(), below.c_str(), flags | O_CLOEXEC)};
    }
    if (table_of_root_) {
        const int error = errno;
        if (!is_same_there(fd ? without_root(path_of_descriptor(fd.get())) : path)) {
            errno = EACCES;
            return UniqueFd{};
        }
        errno = error;
    }
    return fd;
}

std::string MountView::without_root(std::string path) const {
    if (root_path_ != "/" && is_in(path, root_path_)) {
        path.erase(0, root_path_.size());
        if (path.empty()) {
            path = "/";
        }
    }
    return path;
}

bool MountView::is_same_there(const std::string& path) const {
    return table_.place_of(path) == table_of_root_->place_of(path);
}

std::optional<std::string> MountView::resolved(const std::string& path) const {
    const UniqueFd fd = open(path, O_PATH);
    if (!fd) {
        return std::nullopt;
    }
    std::string found = without_root(path_of_descriptor(fd.get()));
    return found.starts_with('/') ? std::optional{std::move(found)} : std::nullopt;
}

std::optional<FilePlace> MountView::place_of(const std::string& path) const {
    return table_.place_of(resolved(path).value_or(path));
}

} // namespace sealmount
