// What was loaded since boot: one small file per volume in /run/sealmount, naming the volume's keys. It keeps
// a key that two volumes share until the last of them stops, keeps a volume that was stopped by hand from
// being loaded along with another, and lets a volume be unloaded after it has left the manifest.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/manifest.hpp"
#include "core/paths.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace sealmount {

enum class VolumeState {
    untouched, ///< not asked for since boot
    loaded,    ///< its unlock service is active
    stopped,   ///< was loaded and unloaded again
};

[[nodiscard]] VolumeState volume_state(const Paths& paths, std::string_view volume);

void mark_loaded(const Paths& paths, const Volume& volume);

/// Marks the volume as stopped and returns the signatures that it was loaded with and that no other loaded
/// volume uses: those to unload. Empty when it was not loaded.
[[nodiscard]] std::vector<std::string> mark_stopped(const Paths& paths, std::string_view volume);

} // namespace sealmount
