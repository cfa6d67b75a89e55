// The table of mounts, /etc/fstab.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace sealmount {

/// One mount of the table, its fields decoded (fstab(5)).
struct FstabLine {
    std::size_t number = 0; ///< the first is 1
    std::string source;
    std::string mountpoint;
    std::string type;
    std::string options;

    bool operator==(const FstabLine&) const = default;
};

/// The mounts in the table's text, as getmntent(3) reads them; comments and lines that are not
/// mounts are skipped.
[[nodiscard]] std::vector<FstabLine> read_fstab(std::string_view text);

} // namespace sealmount
