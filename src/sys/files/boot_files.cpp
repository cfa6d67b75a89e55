// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/files/boot_files.hpp"

#include <algorithm>
#include <sys/stat.h>

namespace sealmount {

namespace {

namespace fs = std::filesystem;

char lower(const char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool same_without_case(const std::string_view one, const std::string_view other) {
    return std::ranges::equal(one, other, {}, lower, lower);
}

/// The entry of that name, preferably the one that matches exactly.
std::optional<fs::path> entry_named(const fs::path& directory, const std::string& name) {
    std::error_code error;
    if (fs::exists(directory / name, error)) {
        return directory / name;
    }
    for (fs::directory_iterator entry{directory, error}; !error && entry != fs::directory_iterator{};
         entry.increment(error)) {
        if (same_without_case(entry->path().filename().string(), name)) {
            return entry->path();
        }
    }
    return std::nullopt;
}

} // namespace

std::optional<fs::path> find_without_case(const fs::path& top, const std::string_view path) {
    std::string slashes{path};
    std::ranges::replace(slashes, '\\', '/');
    fs::path found = top;
    for (const fs::path& part : fs::path{slashes}.relative_path()) {
        if (part.empty() || part == ".") {
            continue;
        }
        const auto entry = part == ".." ? std::nullopt : entry_named(found, part.string());
        if (!entry) {
            return std::nullopt;
        }
        found = *entry;
    }
    std::error_code error;
    return fs::is_regular_file(found, error) ? std::optional{found} : std::nullopt;
}

bool may_be_partition(const fs::path& mountpoint, const std::string& guid) {
    if (guid.empty() || guid.find('/') != std::string::npos) {
        return true;
    }
    std::string name = guid;
    std::ranges::transform(name, name.begin(), lower);
    struct ::stat device = {};
    struct ::stat directory = {};
    return ::stat(("/dev/disk/by-partuuid/" + name).c_str(), &device) != 0 ||
           ::stat(mountpoint.c_str(), &directory) != 0 || device.st_rdev == directory.st_dev;
}

} // namespace sealmount
