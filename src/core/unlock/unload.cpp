// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/store/volume_state.hpp"
#include "core/unlock/unlock.hpp"
#include "core/volume/manifest_rules.hpp"
#include "sys/files/files.hpp"
#include "sys/files/mounts.hpp"

#include <algorithm>
#include <optional>
#include <string_view>

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

/// What a volume may have in the keyring.
struct Candidates {
    std::vector<std::string> signatures;
    bool is_guess = false; ///< nothing names the volume: they may be those of others
};

/// The keys of /etc/sealmount that no volume has, of those that can be read.
std::vector<std::string> unclaimed_keys(const Store& store, const std::optional<Manifest>& manifest) {
    std::vector<std::string> signatures;
    for (const std::string& signature : store.key_signatures()) {
        const bool is_claimed = manifest && std::ranges::any_of(manifest->volumes, [&](const Volume& volume) {
                                    return std::ranges::count(volume.signatures(), signature) > 0;
                                });
        if (!problem_with_signature(signature) && !is_claimed) {
            signatures.push_back(signature);
        }
    }
    return signatures;
}

Candidates keys_of(const Store& store, const std::optional<Manifest>& manifest, const Volume* const volume,
                   const std::string_view name) {
    if (auto noted = loaded_signatures(store.paths(), name); !noted.empty()) {
        return {.signatures = std::move(noted)};
    }
    if (volume != nullptr) {
        return {.signatures = volume->signatures()};
    }
    return {.signatures = unclaimed_keys(store, manifest), .is_guess = true};
}

/// Is it mounted on the mount point of another volume of the manifest? Whoever mounts elsewhere, by hand, has
/// no unit that would take keys away later. No mount needs them any more; without a manifest, those of others
/// have their notes.
bool is_of_another(const Mount& mount, const Paths& paths, const std::optional<Manifest>& manifest,
                   const std::string_view name) {
    return manifest && std::ranges::any_of(manifest->volumes, [&](const Volume& volume) {
               return volume.name != name && paths.below_root(volume.mountpoint) == mount.mountpoint;
           });
}

/// Those that no other volume has, by its note, or by its mount where notes are gone.
std::vector<std::string> not_shared(Candidates keys, const Paths& paths,
                                    const std::optional<Manifest>& manifest, const std::string_view name) {
    const std::vector<std::string> noted = signatures_of_others(paths, name);
    const std::vector<Mount> mounts = mounts_of_type("ecryptfs");
    std::erase_if(keys.signatures, [&](const std::string& signature) {
        return std::ranges::count(noted, signature) > 0 ||
               std::ranges::any_of(mounts, [&](const Mount& mount) {
                   return uses(mount, signature) &&
                          (keys.is_guess || is_of_another(mount, paths, manifest, name));
               });
    });
    return std::move(keys.signatures);
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
    Candidates keys = keys_of(store, manifest, volume, name);
    for (const std::string& signature : not_shared(std::move(keys), paths, manifest, name)) {
        keyring.unload_volume_key(signature);
    }
    mark_stopped(paths, name);
}

} // namespace sealmount
