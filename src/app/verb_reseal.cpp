// SPDX-License-Identifier: LGPL-2.1-or-later
#include "app/bound_policies.hpp"
#include "app/policy_options.hpp"
#include "app/prediction_options.hpp"
#include "app/slot_desk.hpp"
#include "base/strict_json.hpp"
#include "core/enroll_checks.hpp"
#include "core/suspend.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>

namespace sealmount {

namespace {

/// The command line as it was written.
struct Words {
    std::string master;
    PolicyWords policy;
    std::string note;
    PredictionWords prediction;
    std::vector<std::string> replace_option; ///< "" for the plain word
    bool replace = false;
};

/// Will the next boot be another one than this?
bool changes(const Words& words) {
    return asked_for(words.prediction);
}

/// --replace stands for two things: OLD=NEW, and alone.
void sort_replace_option(Words& words) {
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

/// Without a word about it: the kinds that the master key has already, each with new values.
std::vector<Policy> kinds_of(const MasterFile& file) {
    std::vector<Policy> kinds;
    for (const Slot& slot : file.slots) {
        const Policy kind = without_values(slot.policy);
        if (!is_suspension(slot) && std::ranges::count(kinds, kind) == 0) {
            kinds.push_back(kind);
        }
    }
    return kinds;
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
std::vector<BoundPolicy> wanted(const Words& words, const OpenMaster& master, const SlotDesk& desk,
                                const Globals& globals) {
    const std::vector<Policy> kinds =
        names_policy(words.policy) ? std::vector{policy_from(words.policy, globals.paths(), desk.world().tpm)}
                                   : kinds_of(master.file);
    std::vector<BoundPolicy> policies;
    for (const Policy& kind : kinds) {
        const auto bound = changes(words)
                               ? bound_to_prediction(kind, words.prediction, globals.paths(), *master.tpm)
                               : desk.world().bound(*master.tpm, kind);
        policies.insert(policies.end(), bound.begin(), bound.end());
    }
    return policies;
}

Json reseal_one(const SlotDesk& desk, const Words& words, const std::string& name,
                const SecretBytes* const pin, const Globals& globals) {
    OpenMaster master = open_master(desk.world(), name);
    Json json = Json::array();
    std::vector<unsigned> made;
    for (const BoundPolicy& bound : wanted(words, master, desk, globals)) {
        const Resealed resealed =
            reseal(desk.world(), master, {.bound = bound, .new_pin = pin, .note = words.note});
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
        const auto removed = keep_only(desk.world(), master, made);
        for (const unsigned slot : removed) {
            json.push_back({{"master", name}, {"slot", slot}, {"removed", true}});
        }
        if (!globals.json && !removed.empty()) {
            std::printf("  removed: slot %s\n", to_string(removed).c_str());
        }
    }
    return json;
}

int run_reseal(Words& words, const Globals& globals) {
    sort_replace_option(words);
    const auto pin = new_pin(words.policy);
    const SlotDesk desk{globals, words.policy.pin_file};
    Json json = Json::array();
    for (const std::string& name : desk.masters(words.master)) {
        for (Json& resealed : reseal_one(desk, words, name, pin ? &*pin : nullptr, globals)) {
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
    const auto words = std::make_shared<Words>();
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
    return [words, &globals] { return run_reseal(*words, globals); };
}

} // namespace sealmount
