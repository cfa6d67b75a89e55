// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/unlock/unlock.hpp"

#include "core/store/volume_state.hpp"
#include "core/unlock/obstacle.hpp"
#include "core/unlock/unlock_answer.hpp"
#include "core/unlock/unlock_by_tpm.hpp"
#include "core/unlock/unlock_load.hpp"
#include "core/unlock/unlock_question.hpp"
#include "sys/files/files.hpp"
#include "sys/files/mounts.hpp"

#include <algorithm>

namespace sealmount {

namespace {

/// What they make of the volume's keys is in `answered` then.
Outcome try_credentials(const UnlockContext& context, const Volume& volume, AnsweredKeys& answered) {
    bool is_wrong = false;
    for (const auto* const credential : {&context.credential, &context.filename_credential}) {
        const auto passphrase = (*credential)();
        if (!passphrase) {
            continue;
        }
        if (auto outcome = try_answer(context, volume, *passphrase, UnlockMethod::credential, answered)) {
            return outcome;
        }
        is_wrong = answered.keys().empty() || volume.headless;
    }
    if (is_wrong) {
        context.observer.credential_wrong(volume);
    }
    return std::nullopt;
}

/// Is there nobody to ask, or no answer that could help?
bool is_pointless_to_ask(const UnlockContext& context, const Volume& volume) {
    return volume.headless || (volume.no_passphrase && !context.store.has_recovery_key(volume.master));
}

/// Until an answer opens the volume, or the tries are used up.
std::expected<Unlocked, Refusal> ask_for_passphrase(const UnlockContext& context, const Volume& volume,
                                                    AnsweredKeys answered) {
    unsigned tries_left = passphrase_tries;
    while (tries_left > 0) {
        const auto answer = ask(context, volume, passphrase_question(context.store, volume, answered));
        if (!answer && was_loaded_meanwhile(context, volume)) {
            return Unlocked{};
        }
        if (!answer) {
            return std::unexpected{answer.error()};
        }
        const std::size_t known = answered.keys().size();
        if (auto outcome = try_answer(context, volume, *answer, UnlockMethod::passphrase, answered)) {
            return std::move(*outcome);
        }
        if (answered.keys().size() > known) {
            tries_left = passphrase_tries; // half of it is right: as many for the other half
        } else {
            context.observer.passphrase_wrong(volume, --tries_left);
        }
    }
    return std::unexpected{Refusal{.kind = RefusalKind::passphrase_wrong, .detail = {}}};
}

/// Only the list of mounts is asked, never the mount point: an automount there may be waiting for this very
/// program.
bool is_mounted(const Store& store, const Volume& volume) {
    const auto mount = mount_at(store.paths().below_root(volume.mountpoint));
    return mount && mount->type == "ecryptfs";
}

/// A note that its keys are loaded would let the mount go on in spite of it.
std::optional<Refusal> obstacle_to(const Store& store, const Volume& volume) {
    const Paths& paths = store.paths();
    const bool was_mounted = volume_state(paths, volume.name) != VolumeState::untouched;
    try {
        auto obstacle = MountObstacles{paths, store.manifest().volumes}.to_mount(volume, was_mounted);
        if (obstacle) {
            forget_loaded(paths, volume.name);
        }
        return obstacle;
    } catch (const Error&) {
        forget_loaded(paths, volume.name);
        throw;
    }
}

std::expected<Unlocked, Refusal> load_unmounted(const UnlockContext& context, const Volume& volume) {
    if (auto obstacle = obstacle_to(context.store, volume)) {
        return std::unexpected{std::move(*obstacle)};
    }
    if (!is_loaded(context.machine.keyring, volume)) {
        forget_loaded(context.store.paths(), volume.name);
    }
    for (const std::string& signature : user_keys_in_the_way(context.machine.keyring, volume)) {
        context.observer.user_key_in_the_way(volume, signature);
    }
    auto unlocked = unlock_by_tpm(context, volume);
    if (unlocked) {
        return std::move(*unlocked);
    }
    const MasterRefusal& refusal = unlocked.error();
    context.observer.master_refused(volume, refusal);
    AnsweredKeys answered{volume};
    if (auto outcome = try_credentials(context, volume, answered)) {
        return std::move(*outcome);
    }
    if (is_pointless_to_ask(context, volume)) {
        return std::unexpected{Refusal{.kind = refusal.kind, .detail = refusal.detail}};
    }
    return ask_for_passphrase(context, volume, std::move(answered));
}

} // namespace

std::expected<Unlocked, Refusal> load_volume(const UnlockContext& context, const std::string_view name) {
    const Volume volume = context.store.volume(name);
    context.observer.begins(volume);
    if (is_mounted(context.store, volume)) {
        return Unlocked{.method = UnlockMethod::mounted};
    }
    return load_unmounted(context, volume);
}

std::optional<Refusal> look_at_volume(const Store& store, Keyring& keyring, const Volume& volume) {
    if (is_mounted(store, volume)) {
        return std::nullopt;
    }
    auto obstacle = obstacle_to(store, volume);
    if (!obstacle && volume_state(store.paths(), volume.name) != VolumeState::loaded &&
        is_loaded(keyring, volume)) {
        const FileLock lock = store.unlock_lock();
        mark_loaded(store.paths(), volume);
    }
    return obstacle;
}

} // namespace sealmount
