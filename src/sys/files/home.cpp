// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/files/home.hpp"

#include <pwd.h>
#include <sys/stat.h>
#include <vector>

namespace sealmount {

std::optional<std::filesystem::path> home_of(const uid_t user) {
    constexpr std::size_t longest_entry = 65536;
    std::vector<char> buffer(longest_entry);
    ::passwd entry{};
    ::passwd* found = nullptr;
    if (::getpwuid_r(user, &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr) {
        return std::nullopt;
    }
    return std::filesystem::path{entry.pw_dir};
}

std::optional<uid_t> owner_of(const std::filesystem::path& file) {
    struct ::stat status = {};
    if (::stat(file.c_str(), &status) != 0) {
        return std::nullopt;
    }
    return status.st_uid;
}

} // namespace sealmount
