// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/files/mounts.hpp"

#include "base/error.hpp"
#include "base/format.hpp"
#include "sys/files/holding_mount.hpp"
#include "sys/files/path_walk.hpp"

#include <cerrno>
#include <fcntl.h>
#include <keyutils.h>
#include <sstream>
#include <sys/mount.h>
#include <utility>
#include <vector>

namespace sealmount {

namespace {

bool is_octal(const char digit) {
    return digit >= '0' && digit <= '7';
}

/// The kernel writes blanks, tabs, newlines and backslashes as three octal digits (fs/proc_namespace.c,
/// mangle).
std::string unescape(const std::string& text) {
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\' && i + 3 < text.size() && is_octal(text[i + 1]) && is_octal(text[i + 2]) &&
            is_octal(text[i + 3])) {
            result +=
                static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
            i += 3;
        } else {
            result += text[i];
        }
    }
    return result;
}

std::vector<std::string> fields_of(const std::string& line) {
    std::vector<std::string> fields;
    std::istringstream stream{line};
    for (std::string field; std::getline(stream, field, ' ');) {
        fields.push_back(field);
    }
    return fields;
}

/// The mount of a line of /proc/self/mountinfo.
std::optional<Mount> mount_in(const std::string& line) {
    constexpr std::size_t mountpoint_field = 4;
    constexpr std::size_t first_optional_field = 6;
    const auto fields = fields_of(line);
    // Any number of optional fields precedes a lone dash.
    auto dash = first_optional_field;
    while (dash < fields.size() && fields[dash] != "-") {
        ++dash;
    }
    if (dash + 3 >= fields.size()) {
        return std::nullopt;
    }
    return Mount{.source = unescape(fields[dash + 2]),
                 .type = unescape(fields[dash + 1]),
                 .options = unescape(fields[dash + 3]),
                 .mountpoint = unescape(fields[mountpoint_field])};
}

std::filesystem::path without_trailing_slash(const std::filesystem::path& path) {
    auto normal = path.lexically_normal();
    return normal.has_filename() || normal == normal.root_path() ? normal : normal.parent_path();
}

} // namespace

MountList MountList::now() {
    return parsed(text_of_mountinfo());
}

MountList MountList::parsed(const std::string_view mountinfo) {
    MountList list;
    std::istringstream lines{std::string{mountinfo}};
    for (std::string line; std::getline(lines, line);) {
        if (auto mount = mount_in(line)) {
            // Later lines cover earlier ones.
            list.on_top_.insert_or_assign(mount->mountpoint, list.mounts_.size());
            list.mounts_.push_back(std::move(*mount));
        }
    }
    return list;
}

std::optional<Mount> MountList::at(const std::filesystem::path& mountpoint) const {
    const auto found = on_top_.find(without_trailing_slash(mountpoint).string());
    return found == on_top_.end() ? std::nullopt : std::optional{mounts_[found->second]};
}

std::optional<Mount> mount_at(const std::filesystem::path& mountpoint) {
    return MountList::now().at(mountpoint);
}

std::vector<Mount> mounts_of_type(const std::string_view type) {
    std::vector<Mount> mounts = MountList::now().all();
    std::erase_if(mounts, [&](const Mount& mount) { return mount.type != type; });
    return mounts;
}

void mount_ecryptfs(const std::filesystem::path& lower, const std::filesystem::path& mountpoint,
                    const std::string& options, const bool read_only) {
    if (::keyctl_link(KEY_SPEC_USER_KEYRING, KEY_SPEC_PROCESS_KEYRING) < 0) {
        throw_errno(errno, "cannot reach root's user keyring");
    }
    unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
    if (read_only) {
        flags |= MS_RDONLY;
    }
    // On the directory that it is now: whoever can rename it cannot lead the mount elsewhere.
    const UniqueFd place = open_without_links(mountpoint.string(), O_PATH);
    const std::string target = "/proc/self/fd/" + std::to_string(place.get());
    const int result =
        place ? ::mount(lower.c_str(), target.c_str(), "ecryptfs", flags, options.c_str()) : -1;
    const int error = errno;
    ::keyctl_unlink(KEY_SPEC_USER_KEYRING, KEY_SPEC_PROCESS_KEYRING);
    if (result != 0 && error == ENODEV) {
        throw Error{Reason::unavailable, "this kernel has no eCryptfs", {AdviceKind::load_ecryptfs}};
    }
    if (result != 0) {
        throw_errno(error, formatted("cannot mount {} on {}", lower.string(), mountpoint.string()),
                    {AdviceKind::read_kernel_log});
    }
}

} // namespace sealmount
