// Files on the partitions that the firmware and the boot loader read.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace sealmount {

/// The file below `top` whose path, with slashes or backslashes, is `path` when case is ignored, as firmware
/// looks files up (UEFI 2.10, 13.3: FAT). Nothing when there is none.
[[nodiscard]] std::optional<std::filesystem::path> find_without_case(const std::filesystem::path& top,
                                                                     std::string_view path);

/// May `mountpoint` be the partition with this unique GUID? No only when udev knows that partition
/// (/dev/disk/by-partuuid) and another file system is mounted there. `guid` may be "".
[[nodiscard]] bool may_be_partition(const std::filesystem::path& mountpoint, const std::string& guid);

} // namespace sealmount
