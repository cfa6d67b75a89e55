// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "app/unlock/unlock_journal.hpp"

#include "app/output/hints.hpp"
#include "app/output/journal_names.hpp"
#include "base/format.hpp"
#include "base/text.hpp"
#include "core/unlock/event_differences.hpp"
#include "core/volume/unit_text.hpp"

namespace sealmount {

namespace {

using journal::message_id;

const char* text_for(const UnlockStep step) {
    switch (step) {
    case UnlockStep::waiting_for_tpm:
        return "Looking for the TPM";
    case UnlockStep::waiting_for_others:
        return "Waiting for another unlock";
    case UnlockStep::unsealing:
        return "Asking the TPM for the master key";
    case UnlockStep::loading_keys:
        return "Loading the keys";
    case UnlockStep::asking:
        return "Waiting for the passphrase or recovery key";
    }
    return "";
}

const char* name_of(const UnlockMethod method) {
    switch (method) {
    case UnlockMethod::already_loaded:
        return "loaded-already";
    case UnlockMethod::mounted:
        return "mounted-already";
    case UnlockMethod::tpm:
        return "tpm";
    case UnlockMethod::credential:
        return "credential";
    case UnlockMethod::passphrase:
        return "passphrase";
    case UnlockMethod::recovery_key:
        return "recovery-key";
    }
    return "";
}

std::string text_for(const Unlocked& unlocked) {
    switch (unlocked.method) {
    case UnlockMethod::already_loaded:
        return "the keys were loaded already";
    case UnlockMethod::mounted:
        return "the volume is mounted already, and needs no keys any more";
    case UnlockMethod::credential:
        return "unlocked by the passphrase of the service's credential";
    case UnlockMethod::passphrase:
        return "unlocked by passphrase";
    case UnlockMethod::recovery_key:
        return formatted(
            "unlocked by the recovery key (slot {}){}", unlocked.slot,
            (unlocked.also_loaded.empty() ? "" : formatted(", and with it: {}", join(unlocked.also_loaded))));
    case UnlockMethod::tpm:
        return formatted(
            "unlocked by the TPM (slot {}, {} key){}", unlocked.slot, to_string(unlocked.form),
            (unlocked.also_loaded.empty() ? "" : formatted(", and with it: {}", join(unlocked.also_loaded))));
    }
    return "";
}

/// The fields that a refusal has for programs.
void add_refusal(JournalFields& fields, const MasterRefusal& refusal) {
    for (const SlotRefusal& slot : refusal.slots) {
        for (const PcrMismatch& mismatch : slot.mismatches) {
            fields.emplace_back(journal::pcr_mismatch,
                                formatted("{} {} {} {} {}", slot.slot, mismatch.pcr, to_string(mismatch.bank),
                                          mismatch.expected, mismatch.found));
        }
    }
}

} // namespace

void UnlockJournal::add_units(JournalFields& fields, const std::string& name) const {
    if (const auto known = mount_units_.find(name); known != mount_units_.end()) {
        fields.emplace_back(journal::object_unit, known->second);
    }
}

void UnlockJournal::say(const Level level, const std::string& name, const std::string& message,
                        JournalFields fields) const {
    fields.emplace_back(journal::object_unit, unit_);
    add_units(fields, name);
    log(level, name, message, fields);
}

void UnlockJournal::begins(const Volume& volume) {
    master_ = volume.master;
    try {
        mount_units_.emplace(volume.name, mount_unit_name(volume.mountpoint));
    } catch (const Error&) { // NOLINT(bugprone-empty-catch): its mount point's path is too long for a unit
    }
}

void UnlockJournal::step(const UnlockStep step) {
    show_step(text_for(step));
}

void UnlockJournal::falls_back(const Volume& volume, const MasterRefusal& refusal) {
    say(Level::notice, volume.name,
        formatted("no trusted key: {}; unsealing without the kernel's help, as a user key",
                  with_detail(refusal)),
        {{message_id, journal::form_fell_back},
         {journal::master, volume.master},
         {journal::reason, identifier(refusal.kind)}});
}

void UnlockJournal::master_refused(const Volume& volume, const MasterRefusal& refusal) {
    refusal_ = refusal;
    JournalFields fields = {{message_id, journal::master_refused},
                            {journal::master, volume.master},
                            {journal::reason, identifier(refusal.kind)},
                            {journal::hint, hint_for(refusal.kind, volume.master)}};
    add_refusal(fields, refusal);
    for (const std::string& line : explain(refusal, volume.master, differing_events(refusal, Paths{}))) {
        say(Level::warning, volume.name, line, fields);
        fields.clear(); // once is enough for programs
    }
}

void UnlockJournal::credential_wrong(const Volume& volume) {
    say(Level::warning, volume.name, "the passphrase of the service's credential is not the volume's",
        {{message_id, journal::wrong_passphrase}, {journal::way, "credential"}});
}

void UnlockJournal::passphrase_wrong(const Volume& volume, const unsigned tries_left) {
    say(Level::warning, volume.name, formatted("wrong passphrase, tries left: {}", tries_left),
        {{message_id, journal::wrong_passphrase}, {journal::way, "passphrase"}});
}

void UnlockJournal::rebound(const Volume& volume, const std::optional<Renewed>& renewed) {
    say(Level::notice, volume.name,
        renewed
            ? formatted(
                  "the master key {} is bound to the present state of the machine (rebind_after_recovery)",
                  volume.master)
            : formatted("the master key {} will be bound to the present state of the machine when the "
                        "passphrases of its other volumes have been typed as well (rebind_after_recovery)",
                        volume.master),
        {{message_id, journal::rebound}, {journal::master, volume.master}});
}

void UnlockJournal::not_rebound(const Volume& volume, const Error& why) {
    say(Level::warning, volume.name,
        formatted(
            "the master key {} could not be bound to the present state: {}; next: {}", volume.master,
            with_hint(why),
            hint_for({.kind = AdviceKind::reseal_with_recovery, .subject = volume.master, .other = {}})),
        {{message_id, journal::rebound}, {journal::master, volume.master}});
}

void UnlockJournal::pin_wrong(const Volume& volume, const unsigned tries_left) {
    say(Level::warning, volume.name, formatted("wrong PIN, tries left: {}", tries_left),
        {{message_id, journal::wrong_passphrase}, {journal::way, "pin"}});
}

void UnlockJournal::recovery_key_useless(const Volume& volume, const std::string& why) {
    say(Level::warning, volume.name,
        formatted("a recovery key cannot open the volume, its passphrase can: {}; restore /etc/sealmount "
                  "from a backup",
                  why));
}

void UnlockJournal::user_key_in_the_way(const Volume& volume, const std::string_view signature) {
    const std::string command = formatted("keyctl purge user {}", signature);
    say(Level::warning, volume.name,
        formatted("a user key {} is in root's keyring, and eCryptfs will take it instead of ours: drop it "
                  "with '{}'",
                  signature, command),
        {{message_id, journal::user_key_in_the_way},
         {journal::signature, std::string{signature}},
         {journal::hint, command}});
}

void UnlockJournal::unlocked(const Unlocked& unlocked) const {
    for (const std::string& skipped : unlocked.skipped) {
        say(Level::warning, name_, formatted("not loaded with it: {}", skipped));
    }
    JournalFields fields = {{message_id, journal::unlocked},
                            {journal::master, master_},
                            {journal::way, name_of(unlocked.method)}};
    if (unlocked.method == UnlockMethod::tpm) {
        fields.emplace_back(journal::form, std::string{to_string(unlocked.form)});
    }
    if (unlocked.slot != 0) {
        fields.emplace_back(journal::slot, std::to_string(unlocked.slot));
    }
    for (const std::string& other : unlocked.also_loaded) {
        fields.emplace_back(journal::along, other);
        add_units(fields, other);
    }
    if (refusal_) {
        fields.emplace_back(journal::reason, identifier(refusal_->kind));
        add_refusal(fields, *refusal_);
    }
    say(Level::info, name_, text_for(unlocked), fields);
    if (!unlocked.weakness.empty()) {
        say(Level::warning, name_,
            formatted("slot {} of the master key {} opened it: {}", unlocked.slot, master_,
                      unlocked.weakness),
            {{message_id, journal::weak_slot}, {journal::master, master_}});
    }
    show_step("Unlocked");
}

void UnlockJournal::unlocked_together(const UnlockedTogether& all) {
    for (const UnlockedTogether::Unlock& unlock : all.unlocks) {
        name_ = unlock.volume.name;
        unlocked(unlock.unlocked);
    }
    if (!all.refusal) {
        show_step(all.volumes.empty() ? "No volume of this master key is mounted at boot" : "Unlocked");
        return;
    }
    JournalFields fields = {{message_id, journal::master_refused},
                            {journal::master, master_},
                            {journal::reason, identifier(all.refusal->kind)},
                            {journal::hint, hint_for(all.refusal->kind, master_)}};
    for (const Volume& volume : all.volumes) {
        if (volume.name != all.volumes.front().name) { // which say() adds
            add_units(fields, volume.name);
        }
    }
    say(Level::notice, all.volumes.front().name,
        formatted(
            "the TPM does not release the master key {}: {}; each volume that has no keys is unlocked by "
            "itself",
            master_, with_detail(*all.refusal)),
        std::move(fields));
    // A volume that is refused by itself later may meet another state: systemd extends PCR 11 meanwhile.
    for (const SlotRefusal& slot : all.refusal->slots) {
        for (const Problem& line : lines_about(slot)) {
            say(Level::notice, all.volumes.front().name, line.message);
        }
    }
    show_step("Not unlocked by the TPM");
}

void UnlockJournal::not_unlocked(const Refusal& refusal) const {
    JournalFields fields = {{message_id, journal::not_unlocked},
                            {journal::master, master_},
                            {journal::reason, identifier(refusal.kind)},
                            {journal::hint, hint_for(refusal.kind, master_)}};
    if (refusal_) {
        add_refusal(fields, *refusal_);
    }
    say(Level::error, name_, formatted("not unlocked: {}", with_detail(refusal)), fields);
    show_step("Not unlocked");
}

void UnlockJournal::not_mounted(const Refusal& refusal) const {
    say(Level::error, name_, formatted("not mounted: {}", with_detail(refusal)),
        {{message_id, journal::not_mounted},
         {journal::master, master_},
         {journal::reason, identifier(refusal.kind)},
         {journal::hint, hint_for(refusal.kind, master_)}});
    show_step("Not mounted");
}

void UnlockJournal::failed(const std::string& message) const {
    say(Level::error, name_, formatted("not unlocked: {}", message), {{message_id, journal::not_unlocked}});
    show_step("Not unlocked");
}

} // namespace sealmount
