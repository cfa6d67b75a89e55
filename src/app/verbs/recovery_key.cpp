// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "app/options/recovery_options.hpp"
#include "app/options/slot_session.hpp"
#include "app/output/print.hpp"
#include "app/verbs/verbs.hpp"
#include "base/format.hpp"
#include "base/strict_json.hpp"
#include "base/text.hpp"
#include "core/slots/recovery.hpp"

#include <nlohmann/json.hpp>

#include <cstdio>
#include <unistd.h>
#include <vector>

namespace sealmount {

namespace {

struct RecoveryKeyOptions : SlotOptions {
    std::string present_file;
    std::string save_file;
    bool revoke = false;
    bool force = false;
    bool yes = false;
};

/// From the TPM, or from the present recovery key: out of its file, or typed when the TPM refuses.
SecretBytes master_key(const RecoveryKeyOptions& options, const SlotSession& session,
                       const std::string& name) {
    if (!options.present_file.empty()) {
        SecretBytes present;
        session.without_lock([&] { present = recovery_key_in(options.present_file); });
        return open_by_recovery_key(session.store(), name, present).key;
    }
    try {
        return open_master(session.context(), name).key;
    } catch (const Error& error) {
        if ((error.reason() != Reason::refused && error.reason() != Reason::unavailable) ||
            session.store().master(name).recovery.empty()) {
            throw;
        }
        std::optional<SecretBytes> key;
        session.without_lock([&] {
            key =
                ask_for_recovery_key(
                    session.context().machine.prompt,
                    formatted("The TPM does not release the master key {}. Its present recovery key: ", name))
                    .value_or(std::nullopt);
        });
        if (!key) {
            throw Error{error.reason(), error.what(), {.kind = AdviceKind::give_recovery_key_file}};
        }
        return open_by_recovery_key(session.store(), name, *key).key;
    }
}

void report(const std::string& name, const std::optional<unsigned> slot, const std::vector<unsigned>& revoked,
            const Globals& globals) {
    if (globals.json) {
        print_json({{"master", name}, {"slot", slot ? Json(*slot) : Json(nullptr)}, {"revoked", revoked}});
        return;
    }
    if (slot) {
        print_error("master key {}: new recovery key in slot {}, proved\n", name, *slot);
    }
    if (!revoked.empty()) {
        print_error("master key {}: revoked the recovery key in slot {}. Copies of the old file still hold "
                    "it: 'sealmount rotate {}' makes a new master key, which they do not open; "
                    "with an old backup of /etc/sealmount they still open its volumes\n",
                    name, to_string(revoked), name);
    } else if (!slot) {
        print_error("master key {}: has no recovery key\n", name);
    }
}

/// Volumes that only the TPM would open then: no passphrase makes their keys.
std::vector<std::string> volumes_without_passphrase(const Store& store, const std::string& master) {
    std::vector<std::string> names;
    for (const Volume& volume : store.manifest().volumes) {
        if (volume.master == master && volume.no_passphrase) {
            names.push_back(volume.name);
        }
    }
    return names;
}

void revoke(const RecoveryKeyOptions& options, const SlotSession& session, const std::string& name,
            const Globals& globals) {
    if (!options.force && !session.store().master(name).recovery.empty()) {
        static_cast<void>(open_master(session.context(), name)); // so that something is left that opens
        if (const auto volumes = volumes_without_passphrase(session.store(), name); !volumes.empty()) {
            throw Error{Reason::refused,
                        formatted("the recovery key of the master key \"{}\" is the only way besides the TPM "
                                  "into what has no passphrase: {}; --force revokes it all the same",
                                  name, join(volumes))};
        }
    }
    report(name, {}, revoke_recovery_keys(session.store(), name, {}), globals);
}

/// The noun alone reads like a question for the present one, whose paper is worthless afterwards.
void confirm_replacement(const RecoveryKeyOptions& options, const std::string& name, const Globals& globals) {
    if (options.yes || ::isatty(STDIN_FILENO) == 0) {
        return;
    }
    const MasterFile file = Store{globals.paths()}.master(name);
    if (file.recovery.empty()) {
        return;
    }
    confirm(
        {.question = formatted("The master key {} has a recovery key, made {}. A new one takes its place, "
                               "and it opens nothing any more. Continue? [y/N] ",
                               name, file.recovery.back().created),
         .word = {},
         .otherwise = {},
         .declined = "not confirmed: the present recovery key stays"});
}

void make(const RecoveryKeyOptions& options, const SlotSession& session, const std::string& name,
          const Globals& globals) {
    const auto key = NewRecoveryKey::make({.none = false, .save_file = options.save_file}, true);
    const SecretBytes master = master_key(options, session, name);
    key->save(session.store(), name);
    const unsigned slot = add_recovery_key(session.store(), name, master, key->key());
    // Its owner has it before the old one goes.
    key->hand_over(name, globals);
    report(name, slot, revoke_recovery_keys(session.store(), name, slot), globals);
}

int run_recovery_key(const RecoveryKeyOptions& options, const Globals& globals, const Machine& machine) {
    if (options.revoke && (!options.save_file.empty() || !options.present_file.empty())) {
        throw Error{Reason::usage, "--revoke makes no new recovery key and needs no present one"};
    }
    if (!options.revoke && globals.json && options.save_file.empty()) {
        throw Error{Reason::usage, "--json shows no secret: write the recovery key to a file with "
                                   "--save-recovery-key FILE"};
    }
    const std::string name = SlotSession{globals, machine, options.pin_file}.one_master(options.master);
    if (!options.revoke) {
        confirm_replacement(options, name, globals); // without the lock of a session
    }
    const SlotSession session{globals, machine, options.pin_file};
    if (options.revoke) {
        revoke(options, session, name, globals);
    } else {
        make(options, session, name, globals);
    }
    return 0;
}

} // namespace

Run declare_recovery_key(Arguments& verb) {
    const auto options = std::make_shared<RecoveryKeyOptions>();
    add_slot_options(verb, *options);
    verb.option("--recovery-key-file", "FILE", options->present_file,
                "read the present recovery key from FILE instead of asking the TPM for the master key (- for "
                "standard input)");
    verb.option("--save-recovery-key", "FILE", options->save_file,
                "write the new recovery key to FILE, which only its owner can read, instead of showing it");
    verb.flag("--revoke", options->revoke, "make no recovery key, and revoke the present one");
    verb.flag("--force", options->force,
              "with --revoke: even when the TPM does not release the master key now, or a volume has no "
              "passphrase");
    verb.flag("--yes", options->yes, "do not ask before the present recovery key is replaced");
    return [options](const Globals& globals, const Machine& machine) {
        return run_recovery_key(*options, globals, machine);
    };
}

} // namespace sealmount
