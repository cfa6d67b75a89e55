// The units of a volume: the one place that knows which there are.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/volume/manifest.hpp"

#include <string>
#include <vector>

namespace sealmount {

struct VolumeUnits {
    std::string mount;                 ///< made by the generator, as is
    std::string automount;             ///< "" where the volume has none; it starts the mount
    std::vector<std::string> services; ///< that they pull in and start after: instances of templates

    /// The unit that has to be started at boot.
    [[nodiscard]] const std::string& first() const { return automount.empty() ? mount : automount; }
    /// The mounts and the services.
    [[nodiscard]] std::vector<std::string> all() const;
};

/// Throws as mount_unit_name() does.
[[nodiscard]] VolumeUnits units_of(const Volume& volume);

} // namespace sealmount
