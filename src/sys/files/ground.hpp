// A directory's ground: which file system it lies on, and which directory of that it is. Remembered, it shows
// later whether the same path still leads to the same directory, or the disk below is another one or is not
// mounted.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "sys/files/ground_record.hpp"
#include "sys/files/mount_view.hpp"

#include <expected>
#include <optional>
#include <string>

namespace sealmount {

/// What is there now.
struct GroundLook {
    Ground ground;
    std::optional<bool> is_empty; ///< nothing when the directory may not be read
    std::string type;       ///< of the file system, as the table of mounts has it; "" when that is not known
    bool read_only = false; ///< nothing can be written there
};

/// A few system calls: the directory is opened and its first names are read; its file system is asked for its
/// UUID with the calls of its own kind (EXT4_IOC_GETFSUUID of linux/fs/ext4, XFS_IOC_FSGEOMETRY,
/// BTRFS_IOC_FS_INFO) or, from Linux 6.9 on, FS_IOC_GETFSUUID, and for the directory's generation
/// (FS_IOC_GETVERSION), as the number of a directory that was removed is given to the next one. No link of
/// udev's is read, which may come after the mount. UUID and inode of file systems that do not keep them
/// (tmpfs, overlayfs, FUSE, network file systems ...) are unknown. The error is an errno: ENOENT, ENOTDIR ...
[[nodiscard]] std::expected<GroundLook, int> look_at_ground(const MountView& view,
                                                            const std::string& directory);

/// "inode 12 of the file system 5b0c..." as people read it; what is unknown is called so.
[[nodiscard]] std::string describe(const Ground& ground);

} // namespace sealmount
