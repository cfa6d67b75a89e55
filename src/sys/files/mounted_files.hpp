// The files of one file system through its mounts, as somebody sees them who reads the disk alone: symbolic
// links begin at the file system's own root, and what is mounted on top of a directory is not there.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "base/bytes.hpp"
#include "base/unique_fd.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace sealmount {

/// One mount of a file system.
struct MountedRoot {
    std::string root{};                 ///< the directory of the file system that is mounted
    std::filesystem::path mountpoint{}; ///< as seen from here
    std::uint64_t id = 0;               ///< as in /proc/self/mountinfo; 0 when it is not known
};

class MountedFiles {
  public:
    enum class Kind { missing, file, directory };

    /// `name` is for messages.
    MountedFiles(std::string name, std::vector<MountedRoot> mounts);

    /// Paths are absolute in the file system. All throw Error{unavailable} for what cannot be seen from here:
    /// no mount has that part of the file system, another mount covers it, or a symbolic link cannot be
    /// followed.
    [[nodiscard]] Kind kind(const std::string& path) const;

    /// The contents, piece by piece. Throws Error{no_input} when it is not a regular file, and Error{config}
    /// when others than root or the caller may write to it, as read_trusted_file() does.
    void read(const std::string& path, const std::function<void(BytesView)>& take) const;
    /// The whole contents; Error{bad_data} when they are longer than `limit`.
    [[nodiscard]] std::string read(const std::string& path, std::size_t limit) const;

    /// What is in a directory, in no order; without "." and "..".
    [[nodiscard]] std::vector<std::string> names(const std::string& directory) const;

  private:
    /// Nothing when there is no such file. Only for its place (O_PATH).
    [[nodiscard]] std::optional<UniqueFd> find(const std::string& path) const;
    [[nodiscard]] std::string in_words(const std::string& path) const;

    std::string name_;
    std::vector<MountedRoot> mounts_; ///< the deepest root first
};

} // namespace sealmount
