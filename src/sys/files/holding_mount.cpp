// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/files/holding_mount.hpp"

#include "base/error.hpp"

#include <cerrno>
#include <fstream>
#include <sstream>
#include <sys/statvfs.h>

namespace sealmount {

namespace {

/// As the kernel wrote it, three octal digits for a blank (fs/proc_namespace.c, mangle).
std::string with_blanks(const std::string_view field) {
    constexpr std::size_t escape_size = 4;
    std::string text;
    for (std::size_t at = 0; at < field.size(); ++at) {
        const std::string_view escape = field.substr(at, escape_size);
        const bool is_escape = escape.size() == escape_size && escape.front() == '\\' &&
                               escape.find_first_not_of("01234567", 1) == std::string_view::npos;
        if (is_escape) {
            text += static_cast<char>((escape[1] - '0') * 64 + (escape[2] - '0') * 8 + (escape[3] - '0'));
            at += escape_size - 1;
        } else {
            text += field[at];
        }
    }
    return text;
}

bool is_at_or_below(const std::string& path, const std::string& mountpoint) {
    return mountpoint == "/" || path == mountpoint ||
           (path.starts_with(mountpoint) && path[mountpoint.size()] == '/');
}

} // namespace

std::string text_of_mountinfo() {
    errno = 0;
    const std::ifstream list{"/proc/self/mountinfo"};
    std::ostringstream text;
    text << list.rdbuf();
    if (!list || text.view().empty()) {
        throw_errno(errno != 0 ? errno : EIO, "/proc/self/mountinfo");
    }
    return text.str();
}

std::string mountpoint_holding(const std::string_view mountinfo, const std::filesystem::path& path) {
    std::string longest = "/";
    std::istringstream lines{std::string{mountinfo}};
    for (std::string line; std::getline(lines, line);) {
        std::istringstream fields{line};
        std::string field;
        for (int number = 0; number < 5; ++number) { // the fifth is the mount point
            fields >> field;
        }
        const std::string mountpoint = with_blanks(field);
        if (fields && mountpoint.size() >= longest.size() && is_at_or_below(path.string(), mountpoint)) {
            longest = mountpoint;
        }
    }
    return longest;
}

bool is_mounted_read_only(const std::filesystem::path& path) {
    struct ::statvfs system = {};
    return ::statvfs(path.c_str(), &system) == 0 && (system.f_flag & ST_RDONLY) != 0;
}

} // namespace sealmount
