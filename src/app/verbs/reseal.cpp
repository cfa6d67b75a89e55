// SPDX-License-Identifier: LGPL-2.1-or-later
#include "app/options/bound_policies.hpp"
#include "app/options/policy_options.hpp"
#include "app/options/prediction_options.hpp"
#include "app/verbs/renewal_report.hpp"
#include "base/strict_json.hpp"
#include "core/enroll/enroll_checks.hpp"
#include "core/slots/recovery.hpp"
#include "core/slots/suspend.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>

namespace sealmount {

namespace {

/// The command line as it was written.
struct Options {
    std::string master;
    PolicyOptions policy;
    std::string note;
    PredictionOptions prediction;
    std::vector<std::string> replace_option; ///< "" for the plain word
    bool replace = false;
    bool recover = false;
    std::string recovery_key_file;
    RebindOptions passphrases; ///< with `recover`
};

/// Will the next boot be another one than this?
bool changes(const Options& words) {
    return asked_for(words.prediction);
}

/// --replace stands for two things: OLD=NEW, and alone.
void sort_replace_option(Options& words) {
    for (const std::string& text : words.replace_option) {
        if (text.empty()) {
            words.replace = true;
        } else if (text.find('=') == std::string::npos) {
            throw Error{Reason::usage,
                        "--replace " + text +
                            ": write OLD=NEW, two files; to drop all other slots, put --replace at the end"};
        } else {
            words.prediction.replacements.push_back(text);
        }
    }
    if (words.replace && changes(words)) {
        throw Error{Reason::usage,
                    "--replace for a boot that is yet to come would leave nothing for the present one: "
                    "after that boot, run 'sealmount prune'"};
    }
}

Json to_json(const std::string& master, const Resealed& resealed) {
    return {{"master", master},
            {"slot", resealed.slot},
            {"new", resealed.is_new},
            {"opens_now", resealed.proof == SlotProof::unsealed}};
}

void print(const OpenMaster& master, const Resealed& resealed) {
    const Slot& slot = *master.file.find(resealed.slot);
    std::printf("master key %s: slot %u %s: %s\n", master.name.c_str(), resealed.slot,
                resealed.is_new ? "added" : "is there already", describe(slot.policy).c_str());
    std::printf("  proved: %s\n", resealed.proof == SlotProof::unsealed
                                      ? "it opens now"
                                      : "the TPM takes it, and it opens in the state that it was made for, "
                                        "which is not the present one");
}

/// What is to be sealed: for each kind, the states that the command line means.
std::vector<BoundPolicy> wanted(const Options& words, const OpenMaster& master, const SlotSession& desk,
                                const Globals& globals) {
    const std::vector<Policy> kinds =
        names_policy(words.policy)
            ? std::vector{policy_from(words.policy, globals.paths(), desk.context().machine.tpm)}
            : lasting_kinds(desk.store().master(master.name));
    std::vector<BoundPolicy> policies;
    for (const Policy& kind : kinds) {
        const auto bound = changes(words)
                               ? bound_to_prediction(kind, words.prediction, globals.paths(), *master.tpm)
                               : desk.context().bound(*master.tpm, kind);
        policies.insert(policies.end(), bound.begin(), bound.end());
    }
    return policies;
}

Json reseal_one(const SlotSession& desk, const Options& words, OpenMaster master,
                const SecretBytes* const pin, const Globals& globals) {
    const std::string& name = master.name;
    Json json = Json::array();
    std::vector<unsigned> made;
    for (const BoundPolicy& bound : wanted(words, master, desk, globals)) {
        const Resealed resealed =
            reseal(desk.context(), master, {.bound = bound, .new_pin = pin, .note = words.note});
        made.push_back(resealed.slot);
        for (const std::string& warning : warnings_about(bound.policy)) {
            std::fprintf(stderr, "sealmount: warning: %s\n", warning.c_str());
        }
        json.push_back(to_json(name, resealed));
        if (!globals.json) {
            print(master, resealed);
        }
    }
    if (words.replace) {
        const auto removed = keep_only(desk.context(), master, made);
        for (const unsigned slot : removed) {
            json.push_back({{"master", name}, {"slot", slot}, {"removed", true}});
        }
        if (!globals.json && !removed.empty()) {
            std::printf("  removed: slot %s\n", to_string(removed).c_str());
        }
    }
    return json;
}

void check_recover_options(const Options& words) {
    if (!words.recover && (!words.recovery_key_file.empty() || !words.passphrases.passphrase_files.empty())) {
        throw Error{Reason::usage, "--recovery-key-file and --passphrase-file go with --recover"};
    }
    if (!words.recovery_key_file.empty() && !words.passphrases.passphrase_files.empty()) {
        throw Error{Reason::usage, "--recovery-key-file or --passphrase-file: the recovery key does without "
                                   "the passphrases"};
    }
    if (words.recover && changes(words)) {
        throw Error{Reason::usage,
                    "--recover seals the present state: a coming one goes with another reseal"};
    }
}

/// From its file, or typed; nothing when the passphrases are to do it.
std::optional<SecretBytes> recovery_key_for(const Options& words, const Store& store,
                                            const std::string& name) {
    if (!words.recovery_key_file.empty()) {
        return recovery_key_in(words.recovery_key_file);
    }
    if (!store.has_recovery_key(name) || !words.passphrases.passphrase_files.empty()) {
        return std::nullopt;
    }
    auto key = ask_for_recovery_key("Recovery key of the master key " + name +
                                    " (empty: the passphrases of its volumes): ");
    if (!key) {
        throw Error{Reason::usage, std::string{"no recovery key: "} + describe(key.error().kind) +
                                       "; without a terminal, give --recovery-key-file FILE, or the "
                                       "passphrases, each with --passphrase-file FILE"};
    }
    return std::move(*key);
}

/// The slots of `before` that are not in `after`.
std::vector<unsigned> slots_lost(const MasterFile& before, const MasterFile& after) {
    std::vector<unsigned> lost;
    for (const Slot& slot : before.slots) {
        if (after.find(slot.id) == nullptr) {
            lost.push_back(slot.id);
        }
    }
    return lost;
}

/// A master key that the TPM at hand does not release.
void recover(Options& words, const std::string& name, const SecretBytes* const pin, const Globals& globals,
             Json& json) {
    const auto recovery_key = recovery_key_for(words, Store{globals.paths()}, name);
    if (!recovery_key) {
        if (names_policy(words.policy)) {
            throw Error{Reason::usage,
                        "with the passphrases, the master key keeps its kinds of slots: leave the "
                        "options about the policy out, and reseal once more"};
        }
        words.passphrases.pin_file = words.policy.pin_file;
        rebind_with_passphrases(name, words.passphrases, globals);
        return;
    }
    const SlotSession desk{globals, words.policy.pin_file};
    OpenMaster master =
        ready_to_reseal(desk.context(), name, open_by_recovery_key(desk.store(), name, *recovery_key).key);
    const auto kinds = lasting_kinds(desk.store().master(name));
    if (!names_policy(words.policy) && std::ranges::any_of(kinds, &Policy::pin)) {
        master.pin = desk.context().ask_pin();
        if (!master.pin) {
            throw Error{Reason::usage, "the master key \"" + name +
                                           "\" has slots with a PIN: give it with --pin-file FILE, or choose "
                                           "another policy"};
        }
    }
    const std::vector<unsigned> lost = slots_lost(desk.store().master(name), master.file);
    for (Json& resealed : reseal_one(desk, words, std::move(master), pin, globals)) {
        json.push_back(std::move(resealed));
    }
    for (const unsigned slot : lost) {
        json.push_back({{"master", name}, {"slot", slot}, {"removed", true}});
    }
    if (!lost.empty() && !globals.json) {
        std::printf("  removed: slot %s, which this TPM cannot load\n", to_string(lost).c_str());
    }
    desk.store().drop_waiting_renewal(name);
}

int run_recover(Options& words, const SecretBytes* const pin, const Globals& globals) {
    const std::string name = SlotSession{globals, words.policy.pin_file}.one_master(words.master);
    Json json = Json::array();
    recover(words, name, pin, globals, json);
    if (globals.json && !json.empty()) {
        std::printf("%s\n", Json{{"slots", json}}.dump(2).c_str());
    }
    return 0;
}

int run_reseal(Options& words, const Globals& globals) {
    sort_replace_option(words);
    check_recover_options(words);
    const auto pin = new_pin(words.policy);
    if (words.recover) {
        return run_recover(words, pin ? &*pin : nullptr, globals);
    }
    const SlotSession desk{globals, words.policy.pin_file};
    Json json = Json::array();
    for (const std::string& name : desk.masters(words.master)) {
        for (Json& resealed :
             reseal_one(desk, words, open_master(desk.context(), name), pin ? &*pin : nullptr, globals)) {
            json.push_back(std::move(resealed));
        }
    }
    if (globals.json) {
        std::printf("%s\n", Json{{"slots", json}}.dump(2).c_str());
    }
    return 0;
}

} // namespace

Run declare_reseal(CLI::App& verb, const Globals& globals) {
    const auto words = std::make_shared<Options>();
    words->note = "reseal";
    verb.add_option("MASTER", words->master, "the master key; by default every one that a volume uses");
    add_policy_options(verb, words->policy);
    verb.add_option("--note", words->note, "why the slot is made, for 'sealmount slots'")
        ->capture_default_str();
    verb.add_option(
            "--replace", words->replace_option,
            "OLD=NEW: at the next boot, the file NEW will be measured instead of OLD; repeatable. Alone, at "
            "the end: drop all other slots")
        ->expected(0, 1)
        ->allow_extra_args(false)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    add_prediction_options(verb, words->prediction);
    verb.add_flag("--recover", words->recover,
                  "the TPM does not release the master key, or is another one: its recovery key, or else the "
                  "passphrases of its volumes, bind it to the present state");
    verb.add_option("--recovery-key-file", words->recovery_key_file,
                    "with it: read the recovery key from there; - for standard input");
    verb.add_option("--passphrase-file", words->passphrases.passphrase_files,
                    "with it: read a passphrase from there; repeatable; - for standard input")
        ->allow_extra_args(false);
    add_new_recovery_options(verb, words->passphrases.recovery);
    return [words, &globals] { return run_reseal(*words, globals); };
}

} // namespace sealmount
