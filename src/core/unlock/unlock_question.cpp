// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/unlock/unlock_question.hpp"

#include "base/format.hpp"
#include "core/store/volume_state.hpp"
#include "core/unlock/unlock_load.hpp"
#include "sys/files/files.hpp"

namespace sealmount {

namespace {

/// What makes a question about the volume pointless: its keys came with somebody else's answer.
Withdrawal withdrawal_of(const UnlockContext& context, const Volume& volume) {
    try {
        prepare_notes(context.store.paths());
    } catch (const Error&) { // NOLINT(bugprone-empty-catch): it is asked without a way to withdraw it, then
    }
    return {.directory = context.store.paths().loaded(), .is_due = [&context, &volume] {
                try {
                    return is_loaded(context.machine.keyring, volume);
                } catch (const std::exception&) {
                    return false;
                }
            }};
}

const char* first_question(const Store& store, const Volume& volume) {
    if (volume.no_passphrase) {
        return "Recovery key";
    }
    return store.has_recovery_key(volume.master) ? "Passphrase or recovery key" : "Passphrase";
}

} // namespace

Question passphrase_question(const Store& store, const Volume& volume, const AnsweredKeys& answered) {
    const auto question = [&](const char* const what, const char* const id) {
        return Question{
            .text = formatted("{} of the eCryptfs volume {} ({}):", what, volume.name, volume.mountpoint),
            .id = formatted("{}:{}", id, volume.name)};
    };
    if (answered.keys().empty()) {
        return question(first_question(store, volume), "sealmount");
    }
    // File names and contents have a passphrase each, and one of them is there.
    return answered.has(volume.signature) ? question("Passphrase of the file names", "sealmount-names")
                                          : question("Passphrase of the file contents", "sealmount-contents");
}

Question pin_question(const Volume& volume) {
    return {.text = formatted("PIN of the master key {}, for the volume {} (empty: its passphrase):",
                              volume.master, volume.name),
            .id = formatted("sealmount-pin:{}", volume.master)};
}

std::expected<SecretBytes, Refusal> ask(const UnlockContext& context, const Volume& volume,
                                        const Question& question) {
    context.observer.step(UnlockStep::asking);
    const Withdrawal withdrawal = withdrawal_of(context, volume);
    return context.machine.prompt.ask(question.text, question.id, volume.timeout, &withdrawal);
}

bool was_loaded_meanwhile(const UnlockContext& context, const Volume& volume) {
    const FileLock lock = context.store.unlock_lock();
    if (!is_loaded(context.machine.keyring, volume)) {
        return false;
    }
    mark_loaded(context.store.paths(), volume);
    return true;
}

} // namespace sealmount
