// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/volume/manifest.hpp"

#include <algorithm>

namespace sealmount {

// Apart from the readers: the smallest program of a boot has only one of them.

std::vector<std::string> Volume::signatures() const {
    std::vector<std::string> all = {signature};
    if (filename_signature && *filename_signature != signature) {
        all.push_back(*filename_signature);
    }
    return all;
}

const Volume* Manifest::find(const std::string_view name) const {
    const auto found = std::ranges::find(volumes, name, &Volume::name);
    return found == volumes.end() ? nullptr : &*found;
}

} // namespace sealmount
