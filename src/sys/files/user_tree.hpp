// What users keep in their own directories, read by root. They can change all of it at any moment, so
// nothing is opened by a path that was checked before: each directory and file is checked through the
// descriptor that it is read through, no symbolic link is followed, and what belongs to somebody else is left
// alone.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "base/unique_fd.hpp"

#include <cstddef>
#include <expected>
#include <filesystem>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace sealmount {

/// A user of a system (passwd(5)).
struct User {
    std::string name;
    uid_t id = 0;
    std::filesystem::path home;
};

/// The user of that name: of the running system (getpwnam_r(3)) when `root` is "/", else of the etc/passwd
/// below it. Nothing when there is none.
[[nodiscard]] std::optional<User> user_called(const std::filesystem::path& root, const std::string& name);

/// Why something of a user's is not taken, in a sentence that names the path.
using UserTreeProblem = std::string;

/// A directory that belongs to a user, held open.
class UserDirectory {
  public:
    /// `absolute` as the system below `root` calls it. A problem when it does not exist, is reached through a
    /// symbolic link or belongs to another user; and when one of the directories that it lies in belongs to
    /// neither root nor the user, or can be written by everybody, who could put another directory there.
    [[nodiscard]] static std::expected<UserDirectory, UserTreeProblem>
    open(const std::filesystem::path& root, const std::filesystem::path& absolute, uid_t user);

    /// The same for its child `name`, a directory of its own, or a symbolic link that leads to exactly
    /// `expected_target` (which is then opened as above). Nothing when there is none.
    [[nodiscard]] std::expected<std::optional<UserDirectory>, UserTreeProblem>
    child(const std::string& name, const std::filesystem::path& expected_target) const;

    /// The contents of the file `name`, which must be regular and the user's own; nothing when there is none.
    [[nodiscard]] std::expected<std::optional<std::string>, UserTreeProblem> read(const std::string& name,
                                                                                  std::size_t limit) const;

    /// Is there a directory entry of that name?
    [[nodiscard]] bool has(const std::string& name) const;

    /// The names in it that end so, sorted; no more than a hundred.
    [[nodiscard]] std::vector<std::string> names_with_end(const std::string& end) const;

    /// Its absolute path, on the system that it belongs to.
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

  private:
    UserDirectory(UniqueFd fd, std::filesystem::path root, std::filesystem::path path, uid_t user)
        : fd_(std::move(fd)), root_(std::move(root)), path_(std::move(path)), user_(user) {}

    UniqueFd fd_;
    std::filesystem::path root_;
    std::filesystem::path path_;
    uid_t user_;
};

} // namespace sealmount
