// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/unlock/unlock_load.hpp"

#include "base/format.hpp"
#include "core/store/volume_state.hpp"
#include "core/unlock/obstacle.hpp"

#include <algorithm>

namespace sealmount {

namespace {

/// Loads what is missing of a volume's keys. On a refusal, none that was loaded here stays.
std::expected<void, Refusal> load_keys(const UnlockContext& context, const Volume& volume,
                                       const KernelMaster& master) {
    std::vector<std::string> done;
    for (const std::string& signature : volume.signatures()) {
        if (context.machine.keyring.has_volume_key(signature)) {
            continue;
        }
        auto loaded = context.machine.keyring.load_volume_key(
            signature, master.text_for(signature, context.store.key(signature)));
        if (!loaded) {
            for (const std::string& earlier : done) {
                context.machine.keyring.unload_volume_key(earlier);
            }
            return loaded;
        }
        done.push_back(signature);
    }
    return {};
}

/// Is this a volume whose keys the next job of this boot will ask for, and which may have them in this form?
/// What a person typed opens a volume whatever its form, as its passphrase does.
bool is_loaded_with(const UnlockContext& context, const Volume& candidate, const Volume& volume,
                    const MasterForm form, const UnlockMethod method) {
    const bool form_fits = form == MasterForm::trusted || candidate.form == FormChoice::any ||
                           method == UnlockMethod::recovery_key;
    return candidate.name != volume.name && candidate.master == volume.master && !candidate.noauto &&
           form_fits && volume_state(context.store.paths(), candidate.name) == VolumeState::untouched;
}

/// One unseal or answer for all: the master key is in the kernel, so the keys of the other volumes cost
/// nothing.
void load_others(const UnlockContext& context, const Volume& volume, const KernelMaster& master,
                 Unlocked& unlocked) {
    const std::vector<Volume> volumes = context.store.manifest().volumes;
    MountObstacles obstacles{context.store.paths(), volumes};
    for (const Volume& other : volumes) {
        if (!is_loaded_with(context, other, volume, master.form(), unlocked.method) ||
            obstacles.is_left_alone(other)) {
            continue;
        }
        try {
            if (const auto obstacle = obstacles.to_mount(other, false)) {
                unlocked.skipped.push_back(formatted("{}: {}", other.name, with_detail(*obstacle)));
                continue;
            }
            if (const auto loaded = load_keys(context, other, master)) {
                mark_loaded(context.store.paths(), other, how_loaded(unlocked.method, master.form()));
                unlocked.also_loaded.push_back(other.name);
            } else {
                unlocked.skipped.push_back(formatted("{}: {}", other.name, describe(loaded.error().kind)));
            }
        } catch (const std::exception& error) { // its own unlock will report all of it
            unlocked.skipped.push_back(formatted("{}: {}", other.name, error.what()));
        }
    }
}

} // namespace

bool is_loaded(Keyring& keyring, const Volume& volume) {
    return std::ranges::all_of(
        volume.signatures(), [&](const std::string& signature) { return keyring.has_volume_key(signature); });
}

std::vector<std::string> user_keys_in_the_way(Keyring& keyring, const Volume& volume) {
    std::vector<std::string> signatures = volume.signatures();
    std::erase_if(signatures, [&](const std::string& signature) { return !keyring.has_user_key(signature); });
    return signatures;
}

void check_key_files(const Store& store, const Volume& volume) {
    for (const std::string& signature : volume.signatures()) {
        static_cast<void>(store.key(signature));
    }
}

std::string_view how_loaded(const UnlockMethod method, const MasterForm form) noexcept {
    switch (method) {
    case UnlockMethod::recovery_key:
        return "recovery-key";
    case UnlockMethod::credential:
        return "credential";
    case UnlockMethod::passphrase:
        return "passphrase";
    case UnlockMethod::tpm:
    case UnlockMethod::already_loaded:
    case UnlockMethod::mounted:
        break;
    }
    return to_string(form);
}

std::expected<Unlocked, MasterRefusal> load_all(const UnlockContext& context, const Volume& volume,
                                                const KernelMaster& master, const UnlockMethod method) {
    context.observer.step(UnlockStep::loading_keys);
    if (auto loaded = load_keys(context, volume, master); !loaded) {
        return std::unexpected{refusal_without_slots(std::move(loaded.error()))};
    }
    Unlocked unlocked{.method = method, .form = master.form(), .slot = master.slot()};
    load_others(context, volume, master, unlocked);
    return unlocked;
}

} // namespace sealmount
