// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/store/volume_state.hpp"
#include "core/unlock/unlock.hpp"
#include "sys/files/files.hpp"
#include "sys/files/mounts.hpp"

#include <algorithm>
#include <optional>

namespace sealmount {

namespace {

/// One that cannot be read knows no volume.
std::optional<Manifest> known_volumes(const Store& store) {
    try {
        return store.manifest();
    } catch (const Error&) {
        return std::nullopt;
    }
}

/// In a /run that takes no more files there is none to be had, and keys have to go all the same.
std::optional<FileLock> lock_if_possible(const Store& store) {
    try {
        return store.unlock_lock();
    } catch (const Error&) {
        return std::nullopt;
    }
}

bool uses(const Mount& mount, const std::string& signature) {
    return mount.options.find("_sig=" + signature) != std::string::npos;
}

/// Is it mounted on the mount point of another volume of the manifest? Whoever mounts elsewhere, by hand, has
/// no unit that would take keys away later. Without a manifest, every mount counts.
bool is_of_another(const Mount& mount, const Paths& paths, const std::optional<Manifest>& manifest,
                   const std::string_view name) {
    return !manifest || std::ranges::any_of(manifest->volumes, [&](const Volume& volume) {
        return volume.name != name && paths.below_root(volume.mountpoint) == mount.mountpoint;
    });
}

/// Those that no other volume has, by its note, or by its mount where notes are gone.
std::vector<std::string> not_shared(std::vector<std::string> signatures, const Paths& paths,
                                    const std::optional<Manifest>& manifest, const std::string_view name) {
    const std::vector<std::string> noted = signatures_of_others(paths, name);
    const std::vector<Mount> mounts = mounts_of_type("ecryptfs");
    std::erase_if(signatures, [&](const std::string& signature) {
        return std::ranges::count(noted, signature) > 0 || std::ranges::any_of(mounts, [&](const Mount& mount) {
                   return uses(mount, signature) && is_of_another(mount, paths, manifest, name);
               });
    });
    return signatures;
}

} // namespace

void unload_volume(const Paths& paths, Keyring& keyring, const std::string_view name) {
    const Store store{paths};
    const std::optional<Manifest> manifest = known_volumes(store);
    const Volume* const volume = manifest ? manifest->find(name) : nullptr;
    if (volume != nullptr && volume->keep_keys) {
        return;
    }
    const std::optional<FileLock> lock = lock_if_possible(store);
    std::vector<std::string> signatures = loaded_signatures(paths, name);
    if (signatures.empty() && volume != nullptr) {
        signatures = volume->signatures();
    }
    for (const std::string& signature : not_shared(std::move(signatures), paths, manifest, name)) {
        keyring.unload_volume_key(signature);
    }
    mark_stopped(paths, name);
}

} // namespace sealmount
