// The files of a small FAT disk, as GRUB's images carry one.
//
// Source: Microsoft's FAT specification 1.03: the parameter block, clusters of 12 and 16 bits, directories.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "base/bytes.hpp"

#include <map>
#include <string>

namespace sealmount {

/// By path, with a slash in front and in lower case, from the root and one level of directories. Only text
/// files up to 64 KiB have their content. Empty when it is not such a disk; what is damaged is left out.
[[nodiscard]] std::map<std::string, std::string> fat_files(BytesView disk);

} // namespace sealmount
