// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/unlock/unlock_by_tpm.hpp"

#include "core/store/boot_window.hpp"
#include "core/store/store_check.hpp"
#include "core/store/volume_state.hpp"
#include "core/unlock/unlock_load.hpp"
#include "core/unlock/unlock_question.hpp"
#include "sys/files/files.hpp"
#include "sys/host/process.hpp"

namespace sealmount {

namespace {

/// The kernel took the trusted master key, but does not take it as the master of encrypted keys.
bool is_trusted_form_useless(const KernelMaster& master, const MasterRefusal& refusal) {
    return refusal.kind == RefusalKind::key_type_absent && master.form() == MasterForm::trusted;
}

std::expected<Unlocked, MasterRefusal> load_in_user_form(const UnlockContext& context, const Volume& volume,
                                                         const UnsealRequest& request) {
    const auto master = bring_in_user_master(context.machine, request);
    if (!master) {
        return std::unexpected{master.error()};
    }
    return load_all(context, volume, *master, UnlockMethod::tpm);
}

/// In the best form that the kernel takes and the manifest allows.
std::expected<Unlocked, MasterRefusal> load_in_any_form(const UnlockContext& context, const Volume& volume,
                                                        const UnsealRequest& request) {
    const auto falls_back = [&](const MasterRefusal& refusal) {
        context.observer.falls_back(volume, refusal);
    };
    const auto master = bring_in_master(context.machine, volume.master, request, volume.form, falls_back);
    if (!master) {
        return std::unexpected{master.error()};
    }
    auto unlocked = load_all(context, volume, *master, UnlockMethod::tpm);
    if (unlocked || volume.form == FormChoice::trusted ||
        !is_trusted_form_useless(*master, unlocked.error())) {
        return unlocked;
    }
    falls_back(unlocked.error());
    return load_in_user_form(context, volume, request);
}

/// In a /run that is full it cannot be noted, and the keys are loaded all the same.
void note_moment(const UnlockContext& context, const std::string_view master) {
    try {
        note_unseal(context.store.paths(), master);
    } catch (const std::exception&) { // NOLINT(bugprone-empty-catch): only forecasts of slots use it
    }
}

std::expected<Unlocked, MasterRefusal> unseal_and_load(const UnlockContext& context, const Volume& volume,
                                                       const SecretBytes* const pin) {
    const MasterFile file = context.store.master(volume.master);
    const UnsealRequest request{.file = file,
                                .files = context.store.policy_files(),
                                .pin = pin,
                                // Reads the key files before the TPM is asked.
                                .problem =
                                    check_for_unlock(context.store, volume, file, context.machine.keyring)};
    context.observer.step(UnlockStep::unsealing);
    auto unlocked = load_in_any_form(context, volume, request);
    if (unlocked) {
        const Slot& slot = *file.find(unlocked->slot);
        unlocked->weakness = weakness_of(slot.policy);
        if (slot.policy.boot_window) {
            note_moment(context, volume.master);
        }
    }
    return unlocked;
}

/// Accidents on the TPM's side end where refusals do, at the passphrase: a damaged file must not cost more
/// than typing.
std::expected<Unlocked, MasterRefusal> unseal_or_refuse(const UnlockContext& context, const Volume& volume,
                                                        const SecretBytes* const pin) {
    try {
        return unseal_and_load(context, volume, pin);
    } catch (const Error& error) {
        return std::unexpected{refusal_from(error)};
    } catch (const std::exception& error) { // of a library: of memory, of a file that was odd
        return std::unexpected{refusal_from(Error{Reason::bad_data, error.what()})};
    }
}

/// For a TPM that the firmware announces; not again where it was in vain already in this boot.
std::optional<Refusal> wait_once(const UnlockContext& context) {
    const Paths& paths = context.store.paths();
    auto absent = wait_for_tpm(context.machine.tpm,
                               is_tpm_missing_noted(paths) ? std::chrono::seconds{0} : tpm_appearance_limit);
    absent ? note_tpm_missing(paths) : forget_tpm_missing(paths);
    return absent;
}

/// The one unseal, unless somebody else's has loaded the keys meanwhile.
std::expected<Unlocked, MasterRefusal> try_tpm(const UnlockContext& context, const Volume& volume,
                                               const SecretBytes* const pin = nullptr) {
    std::optional<Refusal> absent;
    if (!is_loaded(context.machine.keyring, volume)) {
        context.observer.step(UnlockStep::waiting_for_tpm);
        absent = wait_once(context);
    }
    context.observer.step(UnlockStep::waiting_for_others);
    const FileLock lock = context.store.unlock_lock();
    const SignalsHeld held;
    if (is_loaded(context.machine.keyring, volume)) {
        mark_loaded(context.store.paths(), volume);
        return Unlocked{};
    }
    if (absent) {
        return std::unexpected{refusal_without_slots(std::move(*absent))};
    }
    auto unlocked = unseal_or_refuse(context, volume, pin);
    if (unlocked) {
        mark_loaded(context.store.paths(), volume, to_string(unlocked->form));
    }
    return unlocked;
}

bool is_about_pin(const MasterRefusal& refusal) {
    return refusal.kind == RefusalKind::pin_needed || refusal.kind == RefusalKind::pin_wrong;
}

/// A longer one cannot be the slot's, and the TPM need not count it.
std::expected<Unlocked, MasterRefusal> try_pin(const UnlockContext& context, const Volume& volume,
                                               const SecretBytes& pin) {
    return pin.size() > longest_pin
               ? std::unexpected{refusal_without_slots({.kind = RefusalKind::pin_wrong, .detail = {}})}
               : try_tpm(context, volume, &pin);
}

/// What a person types. No answer and an empty one lead on to the passphrase, with the refusal so far.
std::expected<Unlocked, MasterRefusal> ask_for_pin(const UnlockContext& context, const Volume& volume,
                                                   MasterRefusal refusal) {
    for (unsigned tries_left = passphrase_tries; tries_left > 0; --tries_left) {
        const auto pin = ask(context, volume, pin_question(volume));
        if (!pin && was_loaded_meanwhile(context, volume)) {
            return Unlocked{};
        }
        if (!pin || pin->empty()) {
            break;
        }
        auto unlocked = try_pin(context, volume, *pin);
        if (unlocked || !is_about_pin(unlocked.error())) {
            return unlocked;
        }
        refusal = std::move(unlocked.error());
        if (refusal.kind == RefusalKind::pin_wrong) {
            context.observer.pin_wrong(volume, tries_left - 1);
        }
    }
    return std::unexpected{std::move(refusal)};
}

} // namespace

std::expected<Unlocked, MasterRefusal> unlock_by_tpm(const UnlockContext& context, const Volume& volume) {
    auto unlocked = try_tpm(context, volume);
    if (unlocked || unlocked.error().kind != RefusalKind::pin_needed) {
        return unlocked;
    }
    // Only slots with a PIN fit: one from the service's credential, then what a person types.
    if (const auto pin = context.pin_credential(); pin && !pin->empty() && pin->size() <= longest_pin) {
        unlocked = try_tpm(context, volume, &*pin);
    }
    if (unlocked || !is_about_pin(unlocked.error()) || volume.headless || !context.may_ask) {
        return unlocked;
    }
    return ask_for_pin(context, volume, std::move(unlocked.error()));
}

} // namespace sealmount
