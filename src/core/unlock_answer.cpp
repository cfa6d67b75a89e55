// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/unlock_answer.hpp"

#include "core/ephemeral_master.hpp"
#include "core/recovery.hpp"
#include "core/unlock_load.hpp"
#include "core/volume_keys.hpp"
#include "core/volume_state.hpp"
#include "sys/files.hpp"
#include "sys/process.hpp"

namespace sealmount {

namespace {

/// Keys of passphrases that are right are loaded, or have come along with another volume meanwhile; nothing
/// when they are not all there.
std::expected<std::optional<Unlocked>, Refusal> try_passphrase(const UnlockWorld& world, const Volume& volume,
                                                               const AnsweredKeys& answered,
                                                               const UnlockWay way) {
    const FileLock lock = world.store.unlock_lock();
    const SignalsHeld held;
    if (is_loaded(world.keyring, volume)) {
        mark_loaded(world.store.paths(), volume);
        return Unlocked{};
    }
    if (!answered.is_complete()) {
        return std::nullopt;
    }
    mark_loading(world.store.paths(), volume);
    if (const auto loaded = load_under_ephemeral_master(world.keyring, answered.keys()); !loaded) {
        return std::unexpected{loaded.error()};
    }
    mark_loaded(world.store.paths(), volume, how_loaded(way, MasterForm::user));
    return Unlocked{
        .way = way, .form = MasterForm::user, .slot = 0, .weakness = {}, .along = {}, .skipped = {}};
}

/// The same with a recovery key and all volumes that it opens. Damaged files leave the passphrase.
std::expected<std::optional<Unlocked>, Refusal>
try_recovery_key(const UnlockWorld& world, const Volume& volume, const RecoveredMaster& recovered) {
    for (const std::string& signature : volume.signatures()) {
        static_cast<void>(world.store.key(signature)); // a missing file is told before anything is loaded
    }
    const FileLock lock = world.store.unlock_lock();
    const SignalsHeld held;
    if (is_loaded(world.keyring, volume)) {
        mark_loaded(world.store.paths(), volume);
        return Unlocked{};
    }
    mark_loading(world.store.paths(), volume);
    const auto master = KernelMaster::user(world.keyring, {recovered.slot, recovered.key.clone()});
    auto unlocked = load_all(world, volume, master, UnlockWay::recovery_key);
    if (!unlocked) {
        return std::unexpected{Refusal{unlocked.error().kind, std::move(unlocked.error().detail)}};
    }
    mark_loaded(world.store.paths(), volume, how_loaded(UnlockWay::recovery_key, MasterForm::user));
    return std::move(*unlocked);
}

/// The master key, when the answer is its recovery key.
std::optional<RecoveredMaster> recovered_by(const UnlockWorld& world, const Volume& volume,
                                            const SecretBytes& answer) {
    const auto key = recovery_key_from(answer);
    return key ? open_with_recovery_key(volume.master, world.store.master(volume.master), *key)
               : std::nullopt;
}

/// The volume is open; whatever happens here, it stays so.
template<typename Rebind>
void rebind_if_wanted(const UnlockWorld& world, const Volume& volume, const Rebind& rebind) {
    if (!volume.rebind_after_recovery) {
        return;
    }
    try {
        const FileLock lock = world.store.lock();
        const SlotWorld slots{.store = world.store,
                              .tpm = world.tpm,
                              .pause = world.pause,
                              .ask_pin = [] { return std::nullopt; },
                              .bind = world.bind};
        world.observer.rebound(volume, rebind(slots));
    } catch (const Error& error) {
        world.observer.not_rebound(volume, error.what());
    }
}

} // namespace

std::expected<std::optional<Unlocked>, Refusal> try_answer(const UnlockWorld& world, const Volume& volume,
                                                           const SecretBytes& answer, const UnlockWay way,
                                                           AnsweredKeys& answered) {
    try {
        if (auto recovered = recovered_by(world, volume, answer)) {
            auto opened = try_recovery_key(world, volume, *recovered);
            if (opened) {
                rebind_if_wanted(world, volume, [&](const SlotWorld& slots) {
                    return std::optional{reseal_recovered(slots, volume.master, std::move(recovered->key))};
                });
            }
            return opened;
        }
    } catch (const Error& error) {
        if (error.reason() != Reason::config && error.reason() != Reason::bad_data) {
            throw;
        }
        world.observer.recovery_key_useless(volume, error.what());
    }
    answered.add(answer);
    auto opened = try_passphrase(world, volume, answered, way);
    if (opened && *opened) {
        rebind_if_wanted(world, volume, [&](const SlotWorld& slots) {
            return rebind_with(slots, volume.master, answered.keys());
        });
    }
    return opened;
}

} // namespace sealmount
