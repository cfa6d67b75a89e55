// Waiting for a change in a directory (inotify(7)).
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "base/unique_fd.hpp"

#include <filesystem>

namespace sealmount {

/// Watches from construction on. Where that is not possible (no such directory, no watch left), no change is
/// ever seen.
class DirectoryWatch {
  public:
    explicit DirectoryWatch(const std::filesystem::path& directory);

    /// Readable, as poll(2) has it, once a file or link was made, written or renamed in the directory; -1
    /// where there is no watch, which poll(2) passes over.
    [[nodiscard]] int fd() const noexcept { return fd_.get(); }

    /// Forgets what has happened so far.
    void drain() const noexcept;

  private:
    UniqueFd fd_;
};

} // namespace sealmount
