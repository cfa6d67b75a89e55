// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/files/plain_mount.hpp"

#include <sys/mount.h>

#include <algorithm>
#include <array>

namespace sealmount {

namespace {

struct MountFlag {
    std::string_view option;
    unsigned long flag;
    bool is_set; ///< it is taken away otherwise
};

constexpr std::array mount_flags = {
    MountFlag{"rw", MS_RDONLY, false},           MountFlag{"ro", MS_RDONLY, true},
    MountFlag{"suid", MS_NOSUID, false},         MountFlag{"nosuid", MS_NOSUID, true},
    MountFlag{"dev", MS_NODEV, false},           MountFlag{"nodev", MS_NODEV, true},
    MountFlag{"exec", MS_NOEXEC, false},         MountFlag{"noexec", MS_NOEXEC, true},
    MountFlag{"atime", MS_NOATIME, false},       MountFlag{"noatime", MS_NOATIME, true},
    MountFlag{"diratime", MS_NODIRATIME, false}, MountFlag{"nodiratime", MS_NODIRATIME, true},
    MountFlag{"relatime", MS_RELATIME, true},    MountFlag{"norelatime", MS_RELATIME, false},
};

bool is_of_ecryptfs(const std::string_view option) {
    return option.starts_with("ecryptfs_") || option.starts_with("sig=");
}

/// Puts one option where it belongs; false for one that nothing is known of.
bool take_option(const std::string_view option, PlainMount& mount) {
    if (is_of_ecryptfs(option)) {
        mount.options += mount.options.empty() ? "" : ",";
        mount.options += option;
        return true;
    }
    const auto* const flag = std::ranges::find(mount_flags, option, &MountFlag::option);
    if (flag == mount_flags.end()) {
        return false;
    }
    mount.flags = flag->is_set ? mount.flags | flag->flag : mount.flags & ~flag->flag;
    return true;
}

bool take_options(std::string_view options, PlainMount& mount) {
    // A quote could hide a comma (an SELinux context has some).
    if (options.find('"') != std::string_view::npos) {
        return false;
    }
    while (!options.empty()) {
        const std::size_t end = std::min(options.find(','), options.size());
        if (!take_option(options.substr(0, end), mount)) {
            return false;
        }
        options.remove_prefix(std::min(end + 1, options.size()));
    }
    return true;
}

} // namespace

std::optional<PlainMount> plain_mount(const std::span<const std::string_view> words) {
    PlainMount mount;
    for (std::size_t i = 0; i < words.size(); ++i) {
        const std::string_view word = words[i];
        if (word == "-o" && i + 1 < words.size()) {
            if (!take_options(words[++i], mount)) {
                return std::nullopt;
            }
        } else if (!word.starts_with('/') || !mount.mountpoint.empty()) {
            return std::nullopt;
        } else {
            (mount.lower.empty() ? mount.lower : mount.mountpoint) = word;
        }
    }
    return mount.mountpoint.empty() || mount.options.empty() ? std::nullopt : std::optional{mount};
}

bool mount_plainly(const PlainMount& mount) {
    const std::string lower{mount.lower};
    const std::string mountpoint{mount.mountpoint};
    return ::mount(lower.c_str(), mountpoint.c_str(), "ecryptfs", mount.flags, mount.options.c_str()) == 0;
}

} // namespace sealmount
