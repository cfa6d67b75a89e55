// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/volume/volume_units.hpp"

#include "core/volume/unit_text.hpp"

namespace sealmount {

std::vector<std::string> VolumeUnits::all() const {
    std::vector<std::string> names{mount};
    if (!automount.empty()) {
        names.push_back(automount);
    }
    names.insert(names.end(), services.begin(), services.end());
    return names;
}

VolumeUnits units_of(const Volume& volume) {
    VolumeUnits units{.mount = mount_unit_name(volume.mountpoint),
                      .automount = volume.automount ? automount_unit_name(volume.mountpoint) : "",
                      .services = key_units(volume)};
    if (volume.automount) {
        units.services.push_back(look_unit_name(std::string_view{volume.name}));
    }
    return units;
}

} // namespace sealmount
