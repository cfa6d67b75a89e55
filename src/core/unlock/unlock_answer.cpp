// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/unlock/unlock_answer.hpp"

#include "core/master/ephemeral_master.hpp"
#include "core/slots/recovery.hpp"
#include "core/store/volume_state.hpp"
#include "core/unlock/unlock_load.hpp"
#include "core/unlock/volume_keys.hpp"
#include "sys/files/files.hpp"
#include "sys/host/process.hpp"

namespace sealmount {

namespace {

/// Loads the keys of passphrases that are right, unless another volume's unlock has loaded them meanwhile;
/// nothing when they are not all there.
Outcome try_passphrase(const UnlockContext& context, const Volume& volume, const AnsweredKeys& answered,
                       const UnlockMethod method) {
    const FileLock lock = context.store.unlock_lock();
    const SignalsHeld held;
    if (is_loaded(context.machine.keyring, volume)) {
        mark_loaded(context.store.paths(), volume);
        return Unlocked{};
    }
    if (!answered.is_complete()) {
        return std::nullopt;
    }
    if (auto loaded = load_under_ephemeral_master(context.machine.keyring, answered.keys()); !loaded) {
        return std::unexpected{std::move(loaded.error())};
    }
    mark_loaded(context.store.paths(), volume, how_loaded(method, MasterForm::user));
    return Unlocked{.method = method, .form = MasterForm::user};
}

/// The same with a recovery key and all volumes that it opens. Throws Error when a key file is damaged.
std::expected<Unlocked, Refusal> load_recovered(const UnlockContext& context, const Volume& volume,
                                                const RecoveredMaster& recovered) {
    check_key_files(context.store, volume); // before anything is loaded
    const FileLock lock = context.store.unlock_lock();
    const SignalsHeld held;
    if (is_loaded(context.machine.keyring, volume)) {
        mark_loaded(context.store.paths(), volume);
        return Unlocked{};
    }
    const auto master =
        KernelMaster::user(context.machine.keyring, {.slot = recovered.slot, .key = recovered.key.clone()});
    auto unlocked = load_all(context, volume, master, UnlockMethod::recovery_key);
    if (!unlocked) {
        return std::unexpected{
            Refusal{.kind = unlocked.error().kind, .detail = std::move(unlocked.error().detail)}};
    }
    mark_loaded(context.store.paths(), volume, how_loaded(UnlockMethod::recovery_key, MasterForm::user));
    return std::move(*unlocked);
}

/// The master key, when the answer is its recovery key.
std::optional<RecoveredMaster> recovered_by(const UnlockContext& context, const Volume& volume,
                                            const SecretBytes& answer) {
    const auto key = recovery_key_from(answer);
    return key ? open_with_recovery_key(volume.master, context.store.master(volume.master), *key)
               : std::nullopt;
}

/// How long the rebinding waits for whoever changes the store: the boot goes on without it.
constexpr std::chrono::seconds rebind_patience{10};

/// The volume is open; whatever happens here, it stays so.
template<typename Rebind>
void rebind_if_requested(const UnlockContext& context, const Volume& volume, const Rebind& rebind) {
    if (!volume.rebind_after_recovery) {
        return;
    }
    try {
        const FileLock lock = context.store.lock_within(rebind_patience);
        const SlotContext slots{.machine = context.machine,
                                .store = context.store,
                                .ask_pin = [] { return std::nullopt; },
                                .bind = context.bind,
                                .is_attended = false};
        context.observer.rebound(volume, rebind(slots));
    } catch (const Error& error) {
        context.observer.not_rebound(volume, error);
    } catch (const std::exception& error) {
        context.observer.not_rebound(volume, Error{Reason::internal, error.what()});
    }
}

/// Damaged files leave the passphrase.
Outcome try_recovery_key(const UnlockContext& context, const Volume& volume, const SecretBytes& answer) {
    try {
        auto recovered = recovered_by(context, volume, answer);
        if (!recovered) {
            return std::nullopt;
        }
        auto unlocked = load_recovered(context, volume, *recovered);
        if (unlocked) {
            rebind_if_requested(context, volume, [&](const SlotContext& slots) {
                return std::optional{reseal_recovered(slots, volume.master, std::move(recovered->key))};
            });
        }
        return unlocked;
    } catch (const Error& error) {
        if (error.reason() != Reason::config && error.reason() != Reason::bad_data) {
            throw;
        }
        context.observer.recovery_key_useless(volume, error.what());
        return std::nullopt;
    } catch (const std::exception& error) {
        context.observer.recovery_key_useless(volume, error.what());
        return std::nullopt;
    }
}

} // namespace

Outcome try_answer(const UnlockContext& context, const Volume& volume, const SecretBytes& answer,
                   const UnlockMethod method, AnsweredKeys& answered) {
    if (auto outcome = try_recovery_key(context, volume, answer)) {
        return outcome;
    }
    answered.add(answer);
    Outcome outcome = try_passphrase(context, volume, answered, method);
    if (outcome && *outcome) {
        rebind_if_requested(context, volume, [&](const SlotContext& slots) {
            return rebind_with(slots, volume.master, answered.keys());
        });
    }
    return outcome;
}

} // namespace sealmount
