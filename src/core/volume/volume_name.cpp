// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/volume/volume_name.hpp"

#include "base/format.hpp"

#include <algorithm>

namespace sealmount {

std::string volume_name_for(const std::string_view mountpoint, const std::set<std::string>& taken) {
    constexpr std::size_t longest = 60; // leaves room for a number
    std::string name;
    for (const char c : mountpoint.substr(mountpoint.rfind('/') + 1)) {
        const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        const bool fits = (lower >= 'a' && lower <= 'z') || (lower >= '0' && lower <= '9');
        const bool fits_inside = fits || lower == '.' || lower == '_' || lower == '-';
        if (name.empty() ? fits : fits_inside) {
            name += lower;
        } else if (!name.empty()) {
            name += '-';
        }
    }
    name.resize(std::min(name.size(), longest));
    if (name.empty()) {
        name = "volume";
    }
    std::string result = name;
    for (unsigned number = 2; taken.contains(result); ++number) {
        result = formatted("{}-{}", name, number);
    }
    return result;
}

std::set<std::string> names_in(const Manifest& manifest) {
    std::set<std::string> names;
    for (const Volume& volume : manifest.volumes) {
        names.insert(volume.name);
    }
    return names;
}

void keep_name(Volume& volume, const Manifest& manifest) {
    for (const Volume& known : manifest.volumes) {
        if (known.lower == volume.lower && known.mountpoint == volume.mountpoint) {
            volume.name = known.name;
        }
    }
}

} // namespace sealmount
