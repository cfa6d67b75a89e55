// What is to be written: the volumes of the manifest, with what the rest of the system says about them.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/volume/manifest.hpp"
#include "core/volume/paths.hpp"
#include "core/volume/unit_text.hpp"

#include <string>
#include <vector>

namespace sealmount {

struct PlannedVolume {
    Volume volume;
    MountPlace place;
    std::string disk; ///< the unit of the mount in /etc/fstab that the lower directory lies on; "" for none
    std::string outer{}; ///< the mount unit of the volume that the mount point is in; "" for none
    std::vector<std::string> managers{}; ///< "user@1000.service": of users whose home it is, holds or lies in
};

struct PlannedUnits {
    std::vector<PlannedVolume> volumes;
    std::vector<std::string> problems; ///< sentences, each with its place
    bool is_suspended = false;         ///< the policy of a master key may be
};

/// Reads manifest, master files, /etc/fstab, /etc/passwd and the kernel command line below `paths`; nothing
/// is planned with sealmount=no. Does not throw Error.
[[nodiscard]] PlannedUnits plan_units(const Paths& paths);

} // namespace sealmount
