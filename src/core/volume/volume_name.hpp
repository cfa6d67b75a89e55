// Names for volumes that nobody has named: those of setups that are taken over.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/volume/manifest.hpp"

#include <set>
#include <string>
#include <string_view>

namespace sealmount {

/// A name for the volume of a mount point: its last part, reduced to the characters that a name may have,
/// with a number behind it where another volume has that name. Texts other than paths are accepted too.
[[nodiscard]] std::string volume_name_for(std::string_view mountpoint, const std::set<std::string>& taken);

/// The names of the manifest's volumes.
[[nodiscard]] std::set<std::string> names_in(const Manifest& manifest);

/// A volume that was enrolled before, from the same lower directory on the same mount point, keeps its name:
/// then enrolling it again is not an error.
void keep_name(Volume& volume, const Manifest& manifest);

} // namespace sealmount
