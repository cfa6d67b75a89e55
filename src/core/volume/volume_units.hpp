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
    std::string mount; ///< made by the generator
    std::vector<std::string>
        services; ///< those that the mount pulls in and starts after: instances of templates

    /// The mount and the services.
    [[nodiscard]] std::vector<std::string> all() const;
};

/// Throws as mount_unit_name() does.
[[nodiscard]] VolumeUnits units_of(const Volume& volume);

} // namespace sealmount
