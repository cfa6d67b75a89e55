// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/unlock/unlock.hpp"

#include "core/store/boot_window.hpp"
#include "core/store/volume_state.hpp"
#include "core/unlock/unlock_answer.hpp"
#include "core/unlock/unlock_load.hpp"
#include "sys/files/files.hpp"
#include "sys/host/process.hpp"

namespace sealmount {

namespace {

std::expected<Unlocked, MasterRefusal> load_with_master(const UnlockContext& context, const Volume& volume,
                                                        const SecretBytes* const pin) {
    const MasterFile file = context.store.master(volume.master);
    for (const std::string& signature : volume.signatures()) {
        static_cast<void>(context.store.key(signature)); // a missing file is told before the TPM is asked
    }
    context.observer.step(UnlockStep::unsealing);
    const auto falls_back = [&](const MasterRefusal& refusal) {
        context.observer.falls_back(volume, refusal);
    };
    const UnsealRequest request{file, context.store.policy_files(), pin};
    const auto master = bring_in_master(context.machine, volume.master, request, volume.form, falls_back);
    if (!master) {
        return std::unexpected{master.error()};
    }
    auto unlocked = load_all(context, volume, *master, UnlockMethod::tpm);
    if (unlocked) {
        const Slot& slot = *file.find(unlocked->slot);
        unlocked->weakness = weakness_of(slot.policy);
        if (slot.policy.boot_window) {
            note_unseal(context.store.paths(), volume.master);
        }
    }
    const bool is_refused_trusted = !unlocked && unlocked.error().kind == RefusalKind::key_type_absent &&
                                    master->form() == MasterForm::trusted;
    if (!is_refused_trusted || volume.form == FormChoice::trusted) {
        return unlocked;
    }
    context.observer.falls_back(volume, unlocked.error());
    const auto user_master = bring_in_user_master(context.machine, request);
    if (!user_master) {
        return std::unexpected{user_master.error()};
    }
    return load_all(context, volume, *user_master, UnlockMethod::tpm);
}

/// Accidents on the TPM's side end where refusals do, at the passphrase: a damaged file must not cost more
/// than typing.
std::expected<Unlocked, MasterRefusal> load_by_tpm(const UnlockContext& context, const Volume& volume,
                                                   const SecretBytes* const pin) {
    try {
        return load_with_master(context, volume, pin);
    } catch (const Error& error) {
        const bool file = error.reason() == Reason::config || error.reason() == Reason::bad_data;
        return std::unexpected{
            MasterRefusal{file ? RefusalKind::files_unusable : RefusalKind::tpm_failed, error.what(), {}}};
    }
}

/// Did the volume's keys come along with another one's while somebody was asked?
bool came_along(const UnlockContext& context, const Volume& volume) {
    const FileLock lock = context.store.unlock_lock();
    if (!is_loaded(context.machine.keyring, volume)) {
        return false;
    }
    mark_loaded(context.store.paths(), volume);
    return true;
}

/// What makes a question about the volume pointless: its keys came with somebody else's answer.
Withdrawal withdrawal_of(const UnlockContext& context, const Volume& volume) {
    return {.directory = context.store.paths().runtime(), .is_due = [&context, &volume] {
                try {
                    return is_loaded(context.machine.keyring, volume);
                } catch (const Error&) {
                    return false;
                }
            }};
}

/// The text for people, and the id by which password agents that remember answers tell questions apart.
struct Question {
    std::string text;
    std::string id;
};

Question next_question(const UnlockContext& context, const Volume& volume, const AnsweredKeys& answered) {
    const std::string whose = " of the eCryptfs volume " + volume.name + " (" + volume.mountpoint + "):";
    if (answered.keys().empty()) {
        const char* const asked = volume.no_passphrase ? "Recovery key"
                                  : context.store.has_recovery_key(volume.master)
                                      ? "Passphrase or recovery key"
                                      : "Passphrase";
        return {asked + whose, "sealmount:" + volume.name};
    }
    // File names and contents have a passphrase each, and one of them is there.
    return answered.has(volume.signature)
               ? Question{"Passphrase of the file names" + whose, "sealmount-names:" + volume.name}
               : Question{"Passphrase of the file contents" + whose, "sealmount-contents:" + volume.name};
}

std::expected<Unlocked, Refusal> ask_for_passphrase(const UnlockContext& context, const Volume& volume,
                                                    AnsweredKeys answered) {
    const Withdrawal withdrawal = withdrawal_of(context, volume);
    for (unsigned tries_left = passphrase_tries; tries_left > 0; --tries_left) {
        context.observer.step(UnlockStep::asking);
        const Question question = next_question(context, volume, answered);
        const auto answer =
            context.machine.prompt.ask(question.text, question.id, volume.timeout, &withdrawal);
        if (!answer) {
            return came_along(context, volume) ? std::expected<Unlocked, Refusal>{Unlocked{}}
                                               : std::unexpected{answer.error()};
        }
        const std::size_t known = answered.keys().size();
        auto opened = try_answer(context, volume, *answer, UnlockMethod::passphrase, answered);
        if (!opened) {
            return std::unexpected{std::move(opened.error())};
        }
        if (*opened) {
            return std::move(**opened);
        }
        if (answered.keys().size() > known) {
            tries_left = passphrase_tries + 1; // half of it is right: as many for the other half
            continue;
        }
        context.observer.passphrase_wrong(volume, tries_left - 1);
    }
    return std::unexpected{Refusal{RefusalKind::passphrase_wrong, {}}};
}

/// The one unseal, unless somebody else's brings the keys meanwhile.
std::expected<Unlocked, MasterRefusal> load_without_asking(const UnlockContext& context, const Volume& volume,
                                                           const SecretBytes* const pin = nullptr) {
    std::optional<Refusal> absent;
    if (!is_loaded(context.machine.keyring, volume)) {
        context.observer.step(UnlockStep::waiting_for_tpm);
        absent = wait_for_tpm(context.machine.tpm);
    }
    context.observer.step(UnlockStep::waiting_for_others);
    const FileLock lock = context.store.unlock_lock();
    const SignalsHeld held;
    if (is_loaded(context.machine.keyring, volume)) {
        mark_loaded(context.store.paths(), volume);
        return Unlocked{};
    }
    if (absent) {
        return std::unexpected{MasterRefusal{absent->kind, std::move(absent->detail), {}}};
    }
    mark_loading(context.store.paths(), volume);
    auto unlocked = load_by_tpm(context, volume, pin);
    if (unlocked) {
        mark_loaded(context.store.paths(), volume, to_string(unlocked->form));
    }
    return unlocked;
}

/// Only slots with a PIN fit: one from the service's credential, then what a person types. An empty answer
/// leads on to the passphrase.
std::expected<Unlocked, MasterRefusal> load_with_pin(const UnlockContext& context, const Volume& volume,
                                                     std::expected<Unlocked, MasterRefusal> result) {
    if (const auto pin = context.pin_credential(); pin && !pin->empty() && pin->size() <= longest_pin) {
        result = load_without_asking(context, volume, &*pin);
    }
    const Withdrawal withdrawal = withdrawal_of(context, volume);
    const std::string question = "PIN of the master key " + volume.master + ", for the volume " +
                                 volume.name + " (empty: its passphrase):";
    for (unsigned tries_left = passphrase_tries; tries_left > 0 && !volume.headless; --tries_left) {
        if (result || (result.error().kind != RefusalKind::pin_needed &&
                       result.error().kind != RefusalKind::pin_wrong)) {
            return result;
        }
        context.observer.step(UnlockStep::asking);
        const auto pin = context.machine.prompt.ask(question, "sealmount-pin:" + volume.master,
                                                    volume.timeout, &withdrawal);
        if (!pin && came_along(context, volume)) {
            return Unlocked{};
        }
        if (!pin || pin->empty()) {
            return result;
        }
        // A longer one cannot be the slot's, and the TPM need not count it.
        result = pin->size() > longest_pin ? std::unexpected{MasterRefusal{RefusalKind::pin_wrong, {}, {}}}
                                           : load_without_asking(context, volume, &*pin);
        if (!result && result.error().kind == RefusalKind::pin_wrong) {
            context.observer.pin_wrong(volume, tries_left - 1);
        }
    }
    return result;
}

/// Nothing when they do not open the volume. What they make of its keys is in `answered` then.
std::expected<std::optional<Unlocked>, Refusal>
try_credentials(const UnlockContext& context, const Volume& volume, AnsweredKeys& answered) {
    bool is_wrong = false;
    for (const auto* const credential : {&context.credential, &context.filename_credential}) {
        const auto passphrase = (*credential)();
        if (!passphrase) {
            continue;
        }
        auto opened = try_answer(context, volume, *passphrase, UnlockMethod::credential, answered);
        if (!opened || *opened) {
            return opened;
        }
        is_wrong = answered.keys().empty() || volume.headless;
    }
    if (is_wrong) {
        context.observer.credential_wrong(volume);
    }
    return std::nullopt;
}

/// A manifest that cannot be read keeps nothing.
bool keeps_keys(const Store& store, const std::string_view name) {
    try {
        const Manifest manifest = store.manifest();
        const Volume* const volume = manifest.find(name);
        return volume != nullptr && volume->keep_keys;
    } catch (const Error&) {
        return false;
    }
}

} // namespace

std::expected<Unlocked, Refusal> load_volume(const UnlockContext& context, const std::string_view name) {
    const Volume volume = context.store.volume(name);
    context.observer.begins(volume);
    for (const std::string& signature : volume.signatures()) {
        if (context.machine.keyring.has_user_key(signature)) {
            context.observer.user_key_in_the_way(volume, signature);
        }
    }
    auto unlocked = load_without_asking(context, volume);
    if (!unlocked && unlocked.error().kind == RefusalKind::pin_needed) {
        unlocked = load_with_pin(context, volume, std::move(unlocked));
    }
    if (unlocked) {
        return std::move(*unlocked);
    }
    const MasterRefusal& refusal = unlocked.error();
    context.observer.master_refused(volume, refusal);
    AnsweredKeys answered{volume};
    auto opened = try_credentials(context, volume, answered);
    if (!opened) {
        return std::unexpected{std::move(opened.error())};
    }
    if (*opened) {
        return std::move(**opened);
    }
    const bool has_no_answer = volume.no_passphrase && !context.store.has_recovery_key(volume.master);
    if (volume.headless || has_no_answer) {
        return std::unexpected{Refusal{refusal.kind, refusal.detail}};
    }
    return ask_for_passphrase(context, volume, std::move(answered));
}

void unload_volume(const Paths& paths, Keyring& keyring, const std::string_view name) {
    const Store store{paths};
    if (keeps_keys(store, name)) {
        return;
    }
    const FileLock lock = store.unlock_lock();
    for (const std::string& signature : mark_stopped(paths, name)) {
        keyring.unload_volume_key(signature);
    }
}

} // namespace sealmount
