// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/files/path_walk.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdint>
#include <deque>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string_view>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace sealmount {

namespace {

/// What there is to know about one component.
struct Component {
    uid_t user = 0;
    gid_t group = 0;
    unsigned mode = 0;
    bool is_immutable = false;
};

std::optional<Component> component_of(const int fd) {
    struct ::statx status = {};
    if (::statx(fd, "", AT_EMPTY_PATH | AT_NO_AUTOMOUNT, STATX_TYPE | STATX_MODE | STATX_UID | STATX_GID,
                &status) != 0) {
        return std::nullopt;
    }
    return Component{.user = status.stx_uid,
                     .group = status.stx_gid,
                     .mode = status.stx_mode,
                     .is_immutable = (status.stx_attributes & STATX_ATTR_IMMUTABLE) != 0};
}

std::uint32_t number_at(const std::string_view bytes, const std::size_t offset, const std::size_t size) {
    std::uint32_t number = 0;
    for (std::size_t i = size; i > 0; --i) {
        number = number << 8 | static_cast<unsigned char>(bytes[offset + i - 1]);
    }
    return number;
}

/// Whom an access list lets write, its mask applied (include/uapi/linux/posix_acl_xattr.h: all numbers are
/// little-endian).
struct ListedWriters {
    bool has_list = false;
    bool owning_group = false;
    bool others = false; ///< users and groups that are named, but not root
};

ListedWriters writers_in(const std::string_view list) {
    constexpr std::size_t head_size = 4;
    constexpr std::size_t entry_size = 8;
    constexpr std::uint32_t version = 2;
    constexpr std::uint32_t named_user = 0x02;
    constexpr std::uint32_t owning_group = 0x04;
    constexpr std::uint32_t named_group = 0x08;
    constexpr std::uint32_t may_write = 2;
    ListedWriters writers;
    if (list.size() < head_size || number_at(list, 0, 4) != version) {
        return {.has_list = !list.empty(), .owning_group = true, .others = !list.empty()};
    }
    writers.has_list = true;
    for (std::size_t at = head_size; at + entry_size <= list.size(); at += entry_size) {
        const std::uint32_t tag = number_at(list, at, 2);
        if ((number_at(list, at + 2, 2) & may_write) == 0) {
            continue;
        }
        writers.owning_group = writers.owning_group || tag == owning_group;
        writers.others =
            writers.others || ((tag == named_user || tag == named_group) && number_at(list, at + 4, 4) != 0);
    }
    return writers;
}

/// A descriptor without the right to read has no attributes of its own (open(2), O_PATH); its link does.
std::string access_list_of(const int fd) {
    std::array<char, 4096> value{};
    const std::string link = "/proc/self/fd/" + std::to_string(fd);
    const ssize_t size = ::getxattr(link.c_str(), "system.posix_acl_access", value.data(), value.size());
    if (size >= 0) {
        return {value.data(), static_cast<std::size_t>(size)};
    }
    // A longer one, or one that cannot be read, is taken for one that lets anybody write.
    return errno == ENODATA || errno == EOPNOTSUPP ? std::string{} : std::string{"?"};
}

class PathWalk {
  public:
    PathWalk(const int top, const PathLinks links) : top_(top), links_(links) {}

    PathLook run(const std::string& path) {
        const auto top = component_of(top_);
        if (!top) {
            look_.error = errno;
            return std::move(look_);
        }
        root_ = *top;
        push_front(path);
        start_again();
        while (!names_.empty() && step()) {
        }
        if (look_.resolved.empty()) {
            look_.resolved = "/";
        }
        if (is_whole()) {
            look_.owner = here_.user;
        }
        return std::move(look_);
    }

  private:
    [[nodiscard]] bool is_whole() const { return !look_.missing && !look_.link && look_.error == 0; }
    [[nodiscard]] bool is_trusted(const uid_t user) const { return user == 0 || user == root_.user; }
    [[nodiscard]] bool is_trusted_group(const gid_t group) const {
        return group == 0 || group == root_.group;
    }

    void push_front(const std::string_view path) {
        std::deque<std::string> names;
        for (std::size_t at = 0; at <= path.size();) {
            const std::size_t end = std::min(path.find('/', at), path.size());
            if (end > at && path.substr(at, end - at) != ".") {
                names.emplace_back(path.substr(at, end - at));
            }
            at = end + 1;
        }
        names_.insert(names_.begin(), names.begin(), names.end());
    }

    void start_again() {
        fd_ = UniqueFd{};
        here_ = root_;
        look_.resolved.clear();
        look_.swaps.clear();
    }

    /// The next component. False at the end of what can be followed.
    bool step() {
        const std::string name = std::move(names_.front());
        names_.pop_front();
        if (name == "..") { // only a link's target has these
            std::string parent = look_.resolved.substr(0, look_.resolved.rfind('/'));
            push_front(parent);
            start_again();
            return true;
        }
        const std::string path = look_.resolved + "/" + name;
        UniqueFd next{::openat(fd_ ? fd_.get() : top_, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC)};
        if (!next && (errno == ENOENT || errno == ENOTDIR)) {
            note_swap(std::nullopt, path);
            look_.missing = path;
            return false;
        }
        const auto component = next ? component_of(next.get()) : std::nullopt;
        if (!component) {
            look_.error = errno;
            return false;
        }
        const bool is_safe = note_swap(*component, path);
        if (S_ISLNK(component->mode)) {
            return is_safe && look_.swaps.empty() ? follow(next.get(), path) : stop_at_link(path);
        }
        fd_ = std::move(next);
        here_ = *component;
        look_.resolved = path;
        return true;
    }

    bool stop_at_link(const std::string& path) {
        look_.link = path;
        return false;
    }

    bool follow(const int link, const std::string& path) {
        constexpr unsigned most_links = 40; // path_resolution(7)
        std::array<char, PATH_MAX> target{};
        const ssize_t size = ::readlinkat(link, "", target.data(), target.size());
        if (links_ == PathLinks::refused || size <= 0 || ++followed_ > most_links) {
            return stop_at_link(path);
        }
        const std::string_view text{target.data(), static_cast<std::size_t>(size)};
        push_front(text);
        if (!text.starts_with('/')) {
            push_front(look_.resolved);
        }
        start_again();
        return true;
    }

    /// True when only root can replace it, or make it where it is missing.
    bool note_swap(const std::optional<Component>& child, const std::string& path) {
        if ((child && child->is_immutable) || here_.is_immutable) {
            return true;
        }
        auto swap = swap_of(child);
        if (!swap) {
            return true;
        }
        swap->component = path;
        swap->holder = look_.resolved.empty() ? "/" : look_.resolved;
        look_.swaps.push_back(std::move(*swap));
        return false;
    }

    [[nodiscard]] std::optional<Swap> swap_of(const std::optional<Component>& child) const {
        if (!is_trusted(here_.user)) {
            return Swap{.by = SwapBy::owner, .id = here_.user, .component = {}, .holder = {}};
        }
        auto writer = writer_of_here();
        if (writer && child && (here_.mode & S_ISVTX) != 0) {
            if (is_trusted(child->user)) {
                return std::nullopt;
            }
            return Swap{.by = SwapBy::own, .id = child->user, .component = {}, .holder = {}};
        }
        return writer;
    }

    /// Who but its owner may write to the directory that was reached.
    [[nodiscard]] std::optional<Swap> writer_of_here() const {
        const auto swap = [](const SwapBy by, const unsigned id) {
            return Swap{.by = by, .id = id, .component = {}, .holder = {}};
        };
        if ((here_.mode & S_IWOTH) != 0) {
            return swap(SwapBy::everybody, 0);
        }
        if ((here_.mode & S_IWGRP) == 0) {
            return std::nullopt;
        }
        const ListedWriters listed = writers_in(access_list_of(fd_ ? fd_.get() : top_));
        if ((!listed.has_list || listed.owning_group) && !is_trusted_group(here_.group)) {
            return swap(SwapBy::group, here_.group);
        }
        return listed.others ? std::optional{swap(SwapBy::listed, 0)} : std::nullopt;
    }

    int top_;
    PathLinks links_;
    Component root_;
    Component here_; ///< what look_.resolved is
    UniqueFd fd_;    ///< of it; nothing at the top
    std::deque<std::string> names_;
    unsigned followed_ = 0;
    PathLook look_;
};

} // namespace

PathLook look_along_path(const int top, const std::string& path, const PathLinks links) {
    return PathWalk{top, links}.run(path);
}

UniqueFd open_without_links(const std::string& directory, const int flags) {
    ::open_how how{};
    how.flags = static_cast<unsigned>(flags | O_DIRECTORY | O_CLOEXEC);
    how.resolve = RESOLVE_NO_SYMLINKS;
    return UniqueFd{static_cast<int>(::syscall(SYS_openat2, AT_FDCWD, directory.c_str(), &how, sizeof how))};
}

} // namespace sealmount
