// The file system as a process sees it: its root and its table of mounts (proc(5), /proc/PID/root and
// /proc/PID/mountinfo). A unit with a sandbox has another view than the service manager, which mounts the
// volumes.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "base/unique_fd.hpp"
#include "sys/files/mount_table.hpp"

#include <filesystem>
#include <optional>
#include <string>

namespace sealmount {

class MountView {
  public:
    /// That of the process whose directory in /proc this is. Nothing when its table cannot be read. Its root
    /// may be out of reach all the same (ptrace(2), PTRACE_MODE_READ_FSCREDS): then paths are taken as they
    /// are written.
    [[nodiscard]] static std::optional<MountView> of(const std::filesystem::path& process);

    /// The same for a process whose root is out of reach, through the root of another one, `self`: a path
    /// leads somewhere only where both tables say the same of it, as a sandbox may hide what that process
    /// has. What differs is EACCES, and not absent; without its table, everything is. Then the table is
    /// `self`'s.
    [[nodiscard]] static std::optional<MountView> of_through(const std::filesystem::path& process,
                                                             const std::filesystem::path& self);

    /// The same, of a table that was read already.
    MountView(const std::filesystem::path& process, MountTable table);

    [[nodiscard]] const MountTable& table() const { return table_; }
    [[nodiscard]] bool reaches_root() const { return static_cast<bool>(root_); }

    /// open(2) of an absolute path as that process would, symbolic links included (openat2(2),
    /// RESOLVE_IN_ROOT). In a service with RestrictSUIDSGID= there is no openat2(2) (systemd,
    /// src/shared/seccomp-util.c: it cannot see into its arguments): there, an absolute link in the path is
    /// followed from our own root. Without a descriptor, errno says why.
    [[nodiscard]] UniqueFd open(const std::string& path, int flags) const;

    /// The path without symbolic links, as that process would write it; nothing when it does not exist or
    /// cannot be reached. What is mounted at its very end is not woken up (open(2), O_PATH).
    [[nodiscard]] std::optional<std::string> resolved(const std::string& path) const;

    /// Where a path leads: resolved() where that is possible, else as it is written.
    [[nodiscard]] std::optional<FilePlace> place_of(const std::string& path) const;

  private:
    /// A path of ours, as that process would write it.
    [[nodiscard]] std::string without_root(std::string path) const;
    /// Do both tables have the same place for it? Only where there are two.
    [[nodiscard]] bool is_same_there(const std::string& path) const;

    UniqueFd root_;
    std::string root_path_; ///< what the descriptor's link says: "/", but for a process in a chroot(2)
    MountTable table_;
    std::optional<MountTable> table_of_root_; ///< where the root is another process's
};

/// The path of an open file, as /proc/self/fd has it; "" when that cannot be read.
[[nodiscard]] std::string path_of_descriptor(int fd);

} // namespace sealmount
