// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/files/idle_mountpoint.hpp"

#include <algorithm>

namespace sealmount {

namespace {

namespace fs = std::filesystem;

/// /home/.ecryptfs/USER/NAME
bool leads_into_store(const fs::path& target, const fs::path& name) {
    return (name == ".ecryptfs" || name == ".Private") && target.filename() == name &&
           target.parent_path().parent_path() == "/home/.ecryptfs";
}

bool is_link_of_ecryptfs_utils(const fs::directory_entry& entry) {
    std::error_code failed;
    const fs::path target = fs::read_symlink(entry.path(), failed);
    return !failed && (target.parent_path() == "/usr/share/ecryptfs-utils" ||
                       leads_into_store(target, entry.path().filename()));
}

} // namespace

bool is_idle(const fs::path& directory, std::error_code& failed) {
    fs::directory_iterator entry{directory, failed};
    for (; !failed && entry != fs::directory_iterator{}; entry.increment(failed)) {
        if (!is_link_of_ecryptfs_utils(*entry)) {
            return false;
        }
    }
    return !failed;
}

} // namespace sealmount
