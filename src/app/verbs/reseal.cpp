// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "app/options/bound_policies.hpp"
#include "app/options/policy_options.hpp"
#include "app/options/prediction_options.hpp"
#include "app/output/hints.hpp"
#include "app/output/print.hpp"
#include "app/verbs/rebind.hpp"
#include "app/verbs/verbs.hpp"
#include "base/format.hpp"
#include "base/strict_json.hpp"
#include "core/enroll/enroll_checks.hpp"
#include "core/slots/recovery.hpp"
#include "core/slots/suspend.hpp"
#include "sys/tpm/srk_name.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>

namespace sealmount {

namespace {

/// The command line as it was written.
struct ResealOptions {
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
bool changes(const ResealOptions& options) {
    return asked_for(options.prediction);
}

/// --replace stands for two things: OLD=NEW, and alone.
void sort_replace_option(ResealOptions& options) {
    for (const std::string& text : options.replace_option) {
        if (text.empty()) {
            options.replace = true;
        } else if (text.find('=') == std::string::npos) {
            throw Error{Reason::usage, formatted("--replace {}: write OLD=NEW, two files; to drop all other "
                                                 "slots, put --replace at the end",
                                                 text)};
        } else {
            options.prediction.replacements.push_back(text);
        }
    }
    if (options.replace && changes(options)) {
        throw Error{Reason::usage,
                    "--replace for a boot that is yet to come would leave nothing for the present one",
                    {.kind = AdviceKind::prune_after_boot}};
    }
}

Json to_json(const std::string& master, const Resealed& resealed) {
    return {{"master", master},
            {"slot", resealed.slot},
            {"new", resealed.is_new},
            {"opens_now", resealed.proof == SlotProof::unsealed}};
}

void print_resealed(const OpenMaster& master, const Resealed& resealed) {
    const Slot& slot = *master.file.find(resealed.slot);
    print("master key {}: slot {} {}: {}\n", master.name, resealed.slot,
          resealed.is_new ? "added" : "exists already", describe(slot.policy));
    print("  proved: {}\n", resealed.proof == SlotProof::unsealed
                                ? "it opens now"
                                : "the TPM accepts it, and it opens in the state that it was made for, "
                                  "which is not the present one");
}

/// What is to be sealed: for each kind, the states that the command line means.
std::vector<BoundPolicy> wanted(const ResealOptions& options, const OpenMaster& master,
                                const SlotSession& session, const Globals& globals) {
    const std::vector<Policy> kinds =
        names_policy(options.policy)
            ? std::vector{policy_from(options.policy, globals.paths(), session.context().machine.tpm)}
            : lasting_kinds(master.whole);
    std::vector<BoundPolicy> policies;
    for (const Policy& kind : kinds) {
        const auto bound = changes(options)
                               ? bound_to_prediction(kind, options.prediction, globals.paths(), *master.tpm)
                               : session.context().bound(*master.tpm, kind);
        policies.insert(policies.end(), bound.begin(), bound.end());
    }
    return policies;
}

Json reseal_one(const SlotSession& session, const ResealOptions& options, OpenMaster master,
                const SecretBytes* const pin, const Globals& globals) {
    const std::string& name = master.name;
    Json json = Json::array();
    std::vector<unsigned> made;
    if (!names_policy(options.policy)) {
        ask_for_pin(session.context(), master, lasting_kinds(master.whole));
    }
    for (const BoundPolicy& bound : wanted(options, master, session, globals)) {
        const Resealed resealed =
            reseal(session.context(), master, {.bound = bound, .new_pin = pin, .note = options.note});
        made.push_back(resealed.slot);
        print_warnings(with_hints(warnings_about(bound.policy)));
        json.push_back(to_json(name, resealed));
        if (!globals.json) {
            print_resealed(master, resealed);
        }
    }
    if (options.replace) {
        const auto removed = keep_only(session.context(), master, made);
        for (const unsigned slot : removed) {
            json.push_back({{"master", name}, {"slot", slot}, {"removed", true}});
        }
        if (!globals.json && !removed.empty()) {
            print("  removed: slot {}\n", to_string(removed));
        }
    }
    return json;
}

void check_recover_options(const ResealOptions& options) {
    if (!options.recover &&
        (!options.recovery_key_file.empty() || !options.passphrases.passphrase_files.empty())) {
        throw Error{Reason::usage, "--recovery-key-file and --passphrase-file go with --recover"};
    }
    if (options.policy.new_tpm && !options.recover) {
        throw Error{Reason::usage,
                    "--new-tpm goes with --recover: another TPM does not release the master key"};
    }
    if (!options.recovery_key_file.empty() && !options.passphrases.passphrase_files.empty()) {
        throw Error{Reason::usage, "--recovery-key-file or --passphrase-file: the recovery key does without "
                                   "the passphrases"};
    }
    if (options.recover && changes(options)) {
        throw Error{Reason::usage,
                    "--recover seals the present state: seal the next boot's with another reseal"};
    }
}

/// From its file, or typed; nothing when the passphrases are to do it.
std::optional<SecretBytes> recovery_key_for(const ResealOptions& options, const Store& store,
                                            const std::string& name, Prompt& prompt) {
    if (!options.recovery_key_file.empty()) {
        return recovery_key_in(options.recovery_key_file);
    }
    if (!store.has_recovery_key(name) || !options.passphrases.passphrase_files.empty()) {
        return std::nullopt;
    }
    auto key = ask_for_recovery_key(
        prompt,
        formatted("Recovery key of the master key {} (empty: the passphrases of its volumes): ", name));
    if (!key) {
        throw Error{Reason::usage,
                    formatted("no recovery key: {}; without a terminal, give --recovery-key-file FILE, or "
                              "the passphrases, each with --passphrase-file FILE",
                              describe(key.error().kind))};
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
void recover(ResealOptions& options, const std::string& name, const SecretBytes* const pin,
             const Globals& globals, const Machine& machine, Json& json) {
    const auto recovery_key = recovery_key_for(options, Store{globals.paths()}, name, machine.prompt);
    if (!recovery_key) {
        if (names_policy(options.policy)) {
            throw Error{Reason::usage,
                        "with the passphrases, the master key keeps its kinds of slots: leave the "
                        "options about the policy out, and reseal once more"};
        }
        options.passphrases.pin_file = options.policy.pin_file;
        options.passphrases.new_tpm = options.policy.new_tpm;
        rebind_with_passphrases(name, options.passphrases, globals, machine);
        return;
    }
    const SlotSession session{globals, machine, options.policy.pin_file, options.policy.new_tpm};
    OpenMaster master = ready_to_reseal(session.context(), name,
                                        open_by_recovery_key(session.store(), name, *recovery_key).key);
    const auto kinds = lasting_kinds(master.whole);
    if (!names_policy(options.policy) && std::ranges::any_of(kinds, &Policy::pin)) {
        ask_for_pin(session.context(), master, kinds);
        if (!master.pin) {
            throw Error{Reason::usage,
                        formatted("the master key \"{}\" has slots with a PIN", name),
                        {.kind = AdviceKind::give_pin_file}};
        }
    }
    const MasterFile before = session.store().master(name);
    const std::vector<unsigned> lost = slots_lost(before, master.file);
    if (master.file.srk_name != before.srk_name && !globals.json) {
        print("master key {}: from now on under the TPM's key {}\n", name, short_form(master.file.srk_name));
    }
    for (Json& resealed : reseal_one(session, options, std::move(master), pin, globals)) {
        json.push_back(std::move(resealed));
    }
    for (const unsigned slot : lost) {
        json.push_back({{"master", name}, {"slot", slot}, {"removed", true}});
    }
    if (!lost.empty() && !globals.json) {
        print("  removed: slot {}, which this TPM cannot load\n", to_string(lost));
    }
    session.store().drop_waiting_renewal(name);
}

int run_recover(ResealOptions& options, const SecretBytes* const pin, const Globals& globals,
                const Machine& machine) {
    const std::string name =
        SlotSession{globals, machine, options.policy.pin_file}.one_master(options.master);
    Json json = Json::array();
    recover(options, name, pin, globals, machine, json);
    if (globals.json && !json.empty()) {
        print_json({{"slots", json}});
    }
    return 0;
}

int run_reseal(ResealOptions& options, const Globals& globals, const Machine& machine) {
    sort_replace_option(options);
    check_recover_options(options);
    const auto pin = new_pin(options.policy, machine.prompt);
    if (options.recover) {
        return run_recover(options, pin ? &*pin : nullptr, globals, machine);
    }
    // For the next boot, hooks run it as well.
    const SlotSession session{globals, machine, options.policy.pin_file, false, !changes(options)};
    Json json = Json::array();
    for (const std::string& name : session.masters(options.master)) {
        for (Json& resealed : reseal_one(session, options, open_master(session.context(), name),
                                         pin ? &*pin : nullptr, globals)) {
            json.push_back(std::move(resealed));
        }
    }
    if (globals.json) {
        print_json({{"slots", json}});
    }
    return 0;
}

} // namespace

Run declare_reseal(Arguments& verb) {
    const auto options = std::make_shared<ResealOptions>();
    options->note = "reseal";
    verb.argument("MASTER", options->master, "the master key (default: every one that a volume uses)");
    add_policy_options(verb, options->policy);
    verb.option("--note", "NOTE", options->note, "why the slot is made, for 'sealmount slots'");
    verb.option_or_flag(
        "--replace", "OLD=NEW", options->replace_option,
        "at the next boot, the file NEW will be measured instead of OLD; alone, at the end: drop "
        "all other slots");
    add_prediction_options(verb, options->prediction);
    verb.flag(
        "--recover", options->recover,
        "when the TPM does not release the master key, or is another one: bind it to the present state with "
        "its recovery key, or with the passphrases of its volumes");
    verb.option("--recovery-key-file", "FILE", options->recovery_key_file,
                "with --recover: read the recovery key from FILE (- for standard input)");
    verb.option("--passphrase-file", "FILE", options->passphrases.passphrase_files,
                "with --recover: read a passphrase from FILE (- for standard input)");
    add_new_recovery_options(verb, options->passphrases.recovery);
    return [options](const Globals& globals, const Machine& machine) {
        return run_reseal(*options, globals, machine);
    };
}

} // namespace sealmount
