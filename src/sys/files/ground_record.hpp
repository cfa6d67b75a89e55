// What is remembered of a lower directory's ground (sys/files/ground.hpp), in the manifest.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace sealmount {

/// What does not change while a directory is the same: over reboots, other device names, other kernels.
struct Ground {
    std::string uuid; ///< the file system's, with lower-case digits; "" where it has none that lasts
    std::uint64_t inode =
        0; ///< the directory's number; 0 where the file system numbers directories again at each mount
    /// Which of the directories that had this number one after the other; nothing where the file system does
    /// not say.
    std::optional<std::uint32_t> generation{};
    bool empty = false; ///< nothing was in it (but lost+found)

    bool operator==(const Ground&) const = default;
};

} // namespace sealmount
