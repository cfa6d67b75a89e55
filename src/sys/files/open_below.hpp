// Who still uses an eCryptfs mount that is in no table any more: unmounted lazily (umount2(2), MNT_DETACH)
// while files of it were open. It lives, with a page cache of its own, until the last of them is closed.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "sys/files/lower_use.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace sealmount {

/// Asks whether an open file lies on eCryptfs (statfs(2), ECRYPTFS_SUPER_MAGIC); tests ask something else.
using IsEcryptfs = bool (*)(const std::string& link);
[[nodiscard]] bool is_on_ecryptfs(const std::string& link);

/// A file, or a working directory, that a process holds there. eCryptfs gives each file the inode number of
/// its lower file (fs/ecryptfs/inode.c, ecryptfs_inode_set), and the file system number of the lower file
/// system (fs/ecryptfs/super.c, ecryptfs_statfs).
struct DetachedUse {
    ProcessName process;
    std::string path; ///< as the mount's root saw it: "/notes/today"
    std::uint64_t inode = 0;
    std::uint64_t file_system = 0; ///< statfs(2), f_fsid
    std::optional<std::uint64_t>
        root_inode; ///< of the whole mount: that of its lower directory; known for directories
};

/// One use for each process: its working directory or root where it is one, else the first file. `known` are
/// devices
/// ("MAJOR:MINOR") of which nothing has to be asked: those of all mounts that are in tables. What it cannot
/// see: files that are only mapped into memory, or on their way in a socket; processes whose files we may not
/// look at (ptrace(2), PTRACE_MODE_READ_FSCREDS). Reads two links and one directory of each process, and asks
/// about each open file: not for a boot.
[[nodiscard]] std::vector<DetachedUse> detached_uses(const std::filesystem::path& proc,
                                                     const std::set<std::string>& known,
                                                     IsEcryptfs is_ecryptfs = is_on_ecryptfs);

/// Is it the mount of this lower directory?
enum class IsItsMount {
    yes,
    no,
    unknown, ///< on the same file system, and nothing shows which of its directories: its file names are
             ///< encrypted
};
[[nodiscard]] IsItsMount is_mount_of_lower(const DetachedUse& use, const MountView& view,
                                           const std::string& lower);

} // namespace sealmount
