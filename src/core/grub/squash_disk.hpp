// The names of the files on a squashfs disk, as GRUB's images carry one since Debian 13.
//
// Source: Linux, fs/squashfs/squashfs_fs.h (version 4.0), and fs/squash4.c of GRUB. Tables as small as those
// of such a disk are not compressed; those that are cannot be read here.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "base/bytes.hpp"

#include <optional>
#include <string>
#include <vector>

namespace sealmount {

/// The paths of all files, with a slash in front, from the root and one level of directories. Nothing when it
/// is not such a disk, or not all of that can be read.
[[nodiscard]] std::optional<std::vector<std::string>> squash_names(BytesView disk);

} // namespace sealmount
