// The mount that /etc/sealmount is in. Generators run before systemd mounts anything (systemd.generator(7)):
// only what the kernel or the initrd mounted is there for ours.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "base/advice.hpp"
#include "core/volume/paths.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace sealmount {

/// A mount of its own, below the root file system.
struct ConfigurationMount {
    std::string mountpoint;
    bool is_in_table = false; ///< a line of /etc/fstab mounts it
};

/// Nothing when the directory, or the nearest parent that exists, is in the root file system, or in one that
/// /etc/fstab has the initrd mount (x-initrd.mount, systemd.mount(5)). `mountinfo` is the text of
/// /proc/self/mountinfo. Throws Error when the table of mounts cannot be read.
[[nodiscard]] std::optional<ConfigurationMount> configuration_mount(const Paths& paths,
                                                                    std::string_view mountinfo);

/// What that means, with what to do.
[[nodiscard]] Problem problem_with(const ConfigurationMount& mount);

} // namespace sealmount
