// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/unlock_load.hpp"

#include "core/volume_state.hpp"

#include <algorithm>

namespace sealmount {

namespace {

/// Loads what is missing of a volume's keys. On a refusal, none that was loaded here stays.
std::expected<void, Refusal> load_keys(const UnlockWorld& world, const Volume& volume,
                                       const KernelMaster& master) {
    std::vector<std::string> done;
    for (const std::string& signature : volume.signatures()) {
        if (world.keyring.has_volume_key(signature)) {
            continue;
        }
        auto loaded = world.keyring.load_volume_key(signature, master.text_for(world.store.key(signature)));
        if (!loaded) {
            for (const std::string& earlier : done) {
                world.keyring.unload_volume_key(earlier);
            }
            return loaded;
        }
        done.push_back(signature);
    }
    return {};
}

/// Is this a volume whose keys the next job of this boot will ask for, and which may have them in this form?
/// What a person typed opens a volume whatever its form, as its passphrase does.
bool comes_along(const UnlockWorld& world, const Volume& candidate, const Volume& volume,
                 const MasterForm form, const UnlockWay way) {
    const bool form_fits =
        form == MasterForm::trusted || candidate.form == FormChoice::any || way == UnlockWay::recovery_key;
    return candidate.name != volume.name && candidate.master == volume.master && !candidate.noauto &&
           form_fits && volume_state(world.store.paths(), candidate.name) == VolumeState::untouched;
}

/// One unseal or answer for all: the master key is in the kernel, so the keys of the other volumes cost
/// nothing.
void load_others(const UnlockWorld& world, const Volume& volume, const KernelMaster& master,
                 Unlocked& unlocked) {
    for (const Volume& other : world.store.manifest().volumes) {
        if (!comes_along(world, other, volume, master.form(), unlocked.way) ||
            is_loaded(world.keyring, other)) {
            continue;
        }
        try {
            mark_along(world.store.paths(), other, how_loaded(unlocked.way, master.form()));
            if (const auto loaded = load_keys(world, other, master)) {
                unlocked.along.push_back(other.name);
            } else {
                unlocked.skipped.push_back(other.name + ": " + describe(loaded.error().kind));
            }
        } catch (const Error& error) { // its own unlock will tell the whole story
            unlocked.skipped.push_back(other.name + ": " + error.what());
        }
    }
}

} // namespace

bool is_loaded(Keyring& keyring, const Volume& volume) {
    return std::ranges::all_of(
        volume.signatures(), [&](const std::string& signature) { return keyring.has_volume_key(signature); });
}

std::string_view how_loaded(const UnlockWay way, const MasterForm form) noexcept {
    switch (way) {
    case UnlockWay::recovery_key:
        return "recovery-key";
    case UnlockWay::credential:
        return "credential";
    case UnlockWay::passphrase:
        return "passphrase";
    case UnlockWay::tpm:
    case UnlockWay::already_loaded:
        break;
    }
    return to_string(form);
}

std::expected<Unlocked, MasterRefusal> load_all(const UnlockWorld& world, const Volume& volume,
                                                const KernelMaster& master, const UnlockWay way) {
    world.observer.step(UnlockStep::loading_keys);
    if (const auto loaded = load_keys(world, volume, master); !loaded) {
        return std::unexpected{MasterRefusal{loaded.error().kind, loaded.error().detail, {}}};
    }
    Unlocked unlocked{
        .way = way, .form = master.form(), .slot = master.slot(), .weakness = {}, .along = {}, .skipped = {}};
    load_others(world, volume, master, unlocked);
    return unlocked;
}

} // namespace sealmount
