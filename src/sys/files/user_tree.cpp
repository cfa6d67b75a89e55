// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/files/user_tree.hpp"

#include "base/format.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <pwd.h>
#include <sys/stat.h>
#include <system_error>

namespace sealmount {

namespace {

namespace fs = std::filesystem;

constexpr int directory_flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;
constexpr std::size_t longest_entry = 65536; // of passwd(5)

std::string text_of(const int error) {
    return std::generic_category().message(error);
}

std::optional<User> user_of(const int status, const ::passwd* const found) {
    if (status != 0 || found == nullptr) {
        return std::nullopt;
    }
    fs::path home = fs::path{found->pw_dir}.lexically_normal();
    if (!home.has_filename()) { // a slash at its end
        home = home.parent_path();
    }
    return User{.name = found->pw_name, .id = found->pw_uid, .home = std::move(home)};
}

bool is_link(const int directory, const std::string& name) {
    struct ::stat status = {};
    return ::fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(status.st_mode);
}

/// Why openat() with directory_flags failed.
UserTreeProblem why_not(const int error, const int parent, const std::string& name, const fs::path& path) {
    if (is_link(parent, name)) {
        return path.string() + " is a symbolic link, which its owner could turn elsewhere";
    }
    return formatted("{}: {}", path.string(), text_of(error));
}

/// Could anybody but root and the user put another directory in the place of what is in this one?
std::optional<UserTreeProblem> problem_with_parent(const struct ::stat& status, const uid_t user,
                                                   const fs::path& path) {
    if (status.st_uid != 0 && status.st_uid != user) {
        return path.string() + " belongs to another user";
    }
    if ((status.st_mode & S_IWOTH) != 0) {
        return path.string() + " can be written by everybody";
    }
    return std::nullopt;
}

struct CloseDirectory {
    void operator()(::DIR* directory) const noexcept { ::closedir(directory); }
};

} // namespace

std::optional<User> user_called(const fs::path& root, const std::string& name) {
    std::vector<char> buffer(longest_entry);
    ::passwd entry{};
    ::passwd* found = nullptr;
    if (root == "/") {
        const int status = ::getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
        return user_of(status, found);
    }
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> table{
        std::fopen((root / "etc/passwd").c_str(), "re"), &std::fclose};
    while (table && ::fgetpwent_r(table.get(), &entry, buffer.data(), buffer.size(), &found) == 0) {
        if (found->pw_name == name) {
            return user_of(0, found);
        }
    }
    return std::nullopt;
}

std::expected<UserDirectory, UserTreeProblem>
UserDirectory::open(const fs::path& root, const fs::path& absolute, const uid_t user) {
    UniqueFd fd{::open(root.c_str(), directory_flags & ~O_NOFOLLOW)};
    fs::path reached = "/";
    struct ::stat status = {};
    if (!fd || ::fstat(fd.get(), &status) != 0) {
        return std::unexpected{formatted("{}: {}", root.string(), text_of(errno))};
    }
    for (const fs::path& name : absolute.relative_path()) {
        // The top is the caller's choice; that of a test may belong to anybody.
        if (const auto problem = problem_with_parent(status, user, reached); problem && reached != "/") {
            return std::unexpected{formatted("{}: {}", absolute.string(), *problem)};
        }
        reached /= name;
        UniqueFd next{::openat(fd.get(), name.c_str(), directory_flags)};
        if (!next || ::fstat(next.get(), &status) != 0) {
            return std::unexpected{why_not(errno, fd.get(), name, reached)};
        }
        fd = std::move(next);
    }
    if (status.st_uid != user) {
        return std::unexpected{absolute.string() + " belongs to another user"};
    }
    return UserDirectory{std::move(fd), root, absolute, user};
}

std::expected<std::optional<UserDirectory>, UserTreeProblem>
UserDirectory::child(const std::string& name, const fs::path& expected_target) const {
    std::array<char, PATH_MAX> target{};
    const ssize_t size = ::readlinkat(fd_.get(), name.c_str(), target.data(), target.size());
    if (size >= 0) {
        if (std::string_view{target.data(), static_cast<std::size_t>(size)} != expected_target.native()) {
            return std::unexpected{formatted("{} is a symbolic link to another place than {}",
                                             (path_ / name).string(), expected_target.string())};
        }
        auto target_directory = open(root_, expected_target, user_);
        if (!target_directory) {
            return std::unexpected{target_directory.error()};
        }
        return std::optional{std::move(*target_directory)};
    }
    if (errno == ENOENT) {
        return std::nullopt;
    }
    UniqueFd fd{::openat(fd_.get(), name.c_str(), directory_flags)};
    struct ::stat status = {};
    if (!fd || ::fstat(fd.get(), &status) != 0) {
        return std::unexpected{why_not(errno, fd_.get(), name, path_ / name)};
    }
    if (status.st_uid != user_) {
        return std::unexpected{(path_ / name).string() + " belongs to another user"};
    }
    return UserDirectory{std::move(fd), root_, path_ / name, user_};
}

std::expected<std::optional<std::string>, UserTreeProblem>
UserDirectory::read(const std::string& name, const std::size_t limit) const {
    const std::string path = (path_ / name).string();
    // O_NONBLOCK: a pipe in its place must not hold us up.
    const UniqueFd fd{
        ::openat(fd_.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)};
    struct ::stat status = {};
    if (!fd && errno == ENOENT) {
        return std::nullopt;
    }
    if (!fd || ::fstat(fd.get(), &status) != 0) {
        return std::unexpected{why_not(errno, fd_.get(), name, path)};
    }
    if (!S_ISREG(status.st_mode)) {
        return std::unexpected{path + " is not a regular file"};
    }
    // That catches a hard link to somebody else's file as well.
    if (status.st_uid != user_) {
        return std::unexpected{path + " belongs to another user"};
    }
    std::string contents(limit + 1, '\0');
    std::size_t size = 0;
    while (size < contents.size()) {
        const ssize_t got = ::read(fd.get(), contents.data() + size, contents.size() - size);
        if (got < 0 && errno != EINTR) {
            return std::unexpected{formatted("{}: {}", path, text_of(errno))};
        }
        if (got == 0) {
            contents.resize(size);
            return contents;
        }
        size += got > 0 ? static_cast<std::size_t>(got) : 0;
    }
    return std::unexpected{formatted("{} is longer than {} bytes", path, limit)};
}

bool UserDirectory::has(const std::string& name) const {
    struct ::stat status = {};
    return ::fstatat(fd_.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0;
}

std::vector<std::string> UserDirectory::names_with_end(const std::string& end) const {
    constexpr std::size_t most = 100;
    std::vector<std::string> names;
    UniqueFd copy{::openat(fd_.get(), ".", directory_flags)};
    const std::unique_ptr<::DIR, CloseDirectory> list{copy ? ::fdopendir(copy.get()) : nullptr};
    if (!list) {
        return names;
    }
    static_cast<void>(copy.release()); // it is the list's now
    while (const ::dirent* const entry = ::readdir(list.get())) {
        const std::string_view name = entry->d_name;
        if (name.size() > end.size() && name.ends_with(end) && names.size() < most) {
            names.emplace_back(name);
        }
    }
    std::ranges::sort(names);
    return names;
}

} // namespace sealmount
