// What was loaded since boot: one small file per volume in /run/sealmount, naming the volume's keys. It keeps
// a key that two volumes share until the last of them stops, keeps a volume that was stopped by hand from
// being loaded together with another, and lets a volume be unloaded after it has left the manifest.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/volume/manifest.hpp"
#include "core/volume/paths.hpp"

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

/// How the keys of a loaded volume came in: "trusted" or "user" (the forms of a master key), "credential",
/// "passphrase" or "recovery-key"; "" when it is not loaded.
[[nodiscard]] std::string loaded_by(const Paths& paths, std::string_view volume);

/// Before the first key is loaded, so that an unlock which is killed half-way can be taken back.
void mark_loading(const Paths& paths, const Volume& volume);

/// Before keys of a volume are loaded together with another's: they go with the next volume that stops,
/// unless their own unlock has asked for them by then.
void mark_also_loaded(const Paths& paths, const Volume& volume, std::string_view how);

/// `how` as loaded_by() has it; "" when the keys were there already: as they were loaded with another's,
/// then.
void mark_loaded(const Paths& paths, const Volume& volume, std::string_view how = "");

/// Marks the volume as stopped and returns the signatures to unload: those that it was loaded with, even by
/// half, and those that were loaded together with it for volumes which never asked; except those that another
/// loaded volume uses. Empty when it was not loaded.
[[nodiscard]] std::vector<std::string> mark_stopped(const Paths& paths, std::string_view volume);

} // namespace sealmount
