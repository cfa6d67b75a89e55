// SPDX-License-Identifier: LGPL-2.1-or-later
#include "app/options/recovery_options.hpp"
#include "app/options/slot_session.hpp"
#include "base/strict_json.hpp"
#include "core/slots/recovery.hpp"

#include <nlohmann/json.hpp>

#include <cstdio>

namespace sealmount {

namespace {

struct RecoveryKeyOptions : SlotOptions {
    std::string present_file;
    std::string save_file;
    bool revoke = false;
    bool force = false;
};

/// From the TPM, or from the present recovery key: out of its file, or typed when the TPM refuses.
SecretBytes master_key(const RecoveryKeyOptions& words, const SlotSession& desk, const std::string& name) {
    if (!words.present_file.empty()) {
        return open_by_recovery_key(desk.store(), name, recovery_key_in(words.present_file)).key;
    }
    try {
        return open_master(desk.context(), name).key;
    } catch (const Error& error) {
        if ((error.reason() != Reason::refused && error.reason() != Reason::unavailable) ||
            desk.store().master(name).recovery.empty()) {
            throw;
        }
        const auto key = ask_for_recovery_key("The TPM does not release the master key " + name +
                                              ". Its present recovery key: ");
        if (!key || !*key) {
            throw Error{error.reason(), std::string{error.what()} +
                                            "; with --recovery-key-file FILE, its present "
                                            "recovery key makes a new one"};
        }
        return open_by_recovery_key(desk.store(), name, **key).key;
    }
}

void tell(const std::string& name, const std::optional<unsigned> slot, const std::vector<unsigned>& revoked,
          const Globals& globals) {
    if (globals.json) {
        const Json json = {
            {"master", name}, {"slot", slot ? Json(*slot) : Json(nullptr)}, {"revoked", revoked}};
        std::printf("%s\n", json.dump(2).c_str());
        return;
    }
    if (slot) {
        std::fprintf(stderr, "master key %s: new recovery key in slot %u, proved\n", name.c_str(), *slot);
    }
    if (!revoked.empty()) {
        std::fprintf(stderr,
                     "master key %s: revoked the recovery key in slot %s. Copies of the old file still hold "
                     "it: 'sealmount rotate %s' makes them worthless\n",
                     name.c_str(), to_string(revoked).c_str(), name.c_str());
    } else if (!slot) {
        std::fprintf(stderr, "master key %s: has no recovery key\n", name.c_str());
    }
}

void revoke(const RecoveryKeyOptions& words, const SlotSession& desk, const std::string& name,
            const Globals& globals) {
    if (!words.force && !desk.store().master(name).recovery.empty()) {
        static_cast<void>(open_master(desk.context(), name)); // so that something is left that opens
    }
    tell(name, {}, revoke_recovery_keys(desk.store(), name, {}), globals);
}

void make(const RecoveryKeyOptions& words, const SlotSession& desk, const std::string& name,
          const Globals& globals) {
    const auto key = NewRecoveryKey::make({.none = false, .save_file = words.save_file}, true);
    const SecretBytes master = master_key(words, desk, name);
    key->save();
    const unsigned slot = add_recovery_key(desk.store(), name, master, key->key());
    // Its owner has it before the old one goes.
    key->hand_over(name, globals);
    tell(name, slot, revoke_recovery_keys(desk.store(), name, slot), globals);
}

int run_recovery_key(const RecoveryKeyOptions& words, const Globals& globals) {
    if (words.revoke && (!words.save_file.empty() || !words.present_file.empty())) {
        throw Error{Reason::usage, "--revoke makes no new recovery key and needs no present one"};
    }
    if (!words.revoke && globals.json && words.save_file.empty()) {
        throw Error{Reason::usage, "--json shows no secret: write the recovery key to a file with "
                                   "--save-recovery-key FILE"};
    }
    const SlotSession desk{globals, words.pin_file};
    const std::string name = desk.one_master(words.master);
    words.revoke ? revoke(words, desk, name, globals) : make(words, desk, name, globals);
    return 0;
}

} // namespace

Run declare_recovery_key(CLI::App& verb, const Globals& globals) {
    const auto words = std::make_shared<RecoveryKeyOptions>();
    add_slot_options(verb, *words);
    verb.add_option(
        "--recovery-key-file", words->present_file,
        "read the present recovery key from there, instead of asking the TPM for the master key; - "
        "for standard input");
    verb.add_option("--save-recovery-key", words->save_file,
                    "write the new one to this file, which only its owner can read, instead of showing it");
    verb.add_flag("--revoke", words->revoke, "make none, and drop the present one");
    verb.add_flag("--force", words->force, "with it: even when the TPM does not release the master key now");
    return [words, &globals] { return run_recovery_key(*words, globals); };
}

} // namespace sealmount
