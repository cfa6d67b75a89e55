// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/unlock/unlock_together.hpp"

#include "core/store/volume_state.hpp"
#include "core/unlock/obstacle.hpp"
#include "core/unlock/unlock_by_tpm.hpp"
#include "core/unlock/unlock_load.hpp"

#include <utility>

namespace sealmount {

namespace {

std::vector<Volume> automatic_volumes(std::vector<Volume> volumes, const std::string_view master) {
    std::erase_if(volumes, [&](const Volume& volume) { return volume.master != master || volume.noauto; });
    return volumes;
}

/// In a boot nothing counts as stopped. False when somebody has started the unit again since.
bool begin_together(const UnlockContext& context, const std::vector<Volume>& volumes) {
    const bool is_boot = !is_booted(context.store.paths());
    if (is_boot) {
        note_booting(context.store.paths());
        forget_tpm_missing(context.store.paths());
    }
    for (const Volume& volume : volumes) {
        context.observer.begins(volume);
        if (is_boot) {
            forget_stopped(context.store.paths(), volume.name);
        }
        if (!is_loaded(context.machine.keyring, volume)) {
            forget_loaded(context.store.paths(), volume.name);
        }
        for (const std::string& signature : user_keys_in_the_way(context.machine.keyring, volume)) {
            context.observer.user_key_in_the_way(volume, signature);
        }
    }
    return is_boot;
}

/// Is it about this one volume, so that another of the same master key may fare better?
bool is_its_own(const Volume& volume, const MasterRefusal& refusal) {
    return volume.form == FormChoice::trusted || refusal.kind == RefusalKind::files_unusable ||
           refusal.kind == RefusalKind::text_rejected;
}

} // namespace

UnlockedTogether load_automatic_volumes(const UnlockContext& context, const std::string_view master) {
    std::vector<Volume> volumes = context.store.manifest().volumes;
    UnlockedTogether all{.volumes = automatic_volumes(volumes, master)};
    const bool is_boot = begin_together(context, all.volumes);
    MountObstacles obstacles{context.store.paths(), std::move(volumes)};
    bool trusted_was_refused = false;
    for (const Volume& volume : all.volumes) {
        const bool is_done = volume_state(context.store.paths(), volume.name) != VolumeState::untouched;
        if (obstacles.is_left_alone(volume)) {
            if (is_boot) { // in which a note of the last one would be believed
                forget_loaded(context.store.paths(), volume.name);
            }
            continue; // its own unlock waits
        }
        if (obstacles.to_mount(volume, is_done)) {
            forget_loaded(context.store.paths(), volume.name);
            continue; // its own unlock says why
        }
        if (is_done || (volume.form == FormChoice::trusted && trusted_was_refused)) {
            continue;
        }
        auto unlocked = unlock_by_tpm(context, volume);
        if (!unlocked) {
            trusted_was_refused = trusted_was_refused || volume.form == FormChoice::trusted;
            const bool may_go_on = is_its_own(volume, unlocked.error());
            all.refusal = std::move(unlocked.error());
            if (!may_go_on) {
                break;
            }
        } else if (unlocked->method != UnlockMethod::already_loaded) {
            all.unlocks.push_back({.volume = volume, .unlocked = std::move(*unlocked)});
        }
    }
    return all;
}

} // namespace sealmount
