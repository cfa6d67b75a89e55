// Which mount a path is in.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace sealmount {

/// The text of /proc/self/mountinfo (proc(5)). Throws Error{os} when it cannot be read.
[[nodiscard]] std::string text_of_mountinfo();

/// The mount point, in such a text, of the mount that an absolute, clean path without symbolic links is in:
/// the longest one that the path is, or is below; "/" where the text has none.
[[nodiscard]] std::string mountpoint_holding(std::string_view mountinfo, const std::filesystem::path& path);

/// Is the path in a file system that is mounted read-only (statvfs(3))? False when that cannot be found out.
[[nodiscard]] bool is_mounted_read_only(const std::filesystem::path& path);

} // namespace sealmount
