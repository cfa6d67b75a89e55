// SPDX-License-Identifier: LGPL-2.1-or-later
#include "app/options/bound_policies.hpp"
#include "app/options/slot_session.hpp"
#include "app/output/hints.hpp"
#include "base/strict_json.hpp"
#include "core/policy/policy_json.hpp"
#include "core/slots/suspend.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>

namespace sealmount {

namespace {

/// Why a slot does not fit now; nothing when that is not known, because there is no TPM.
using Refusals = std::optional<std::vector<SlotRefusal>>;

Refusals refusals_now(const SlotSession& desk, const MasterFile& file) {
    const auto tpm = open_tpm(desk.context().machine.tpm, TpmAccess::managed, desk.context().machine.backoff);
    if (!tpm) {
        return std::nullopt;
    }
    return choose_slots(**tpm, {file, desk.store().policy_files()}).refused;
}

const SlotRefusal* refusal_of(const Refusals& refusals, const unsigned id) {
    const auto found = std::ranges::find(*refusals, id, &SlotRefusal::slot);
    return found == refusals->end() ? nullptr : &*found;
}

Json to_json(const std::string& master, const Slot& slot, const Refusals& refusals) {
    Json json = {{"master", master},
                 {"id", slot.id},
                 {"type", "tpm"},
                 {"policy", to_json(slot.policy)},
                 {"words", describe(slot.policy)},
                 {"created", slot.created},
                 {"note", slot.note},
                 {"fits_now", nullptr},
                 {"against_it", Json::array()}};
    if (refusals) {
        const SlotRefusal* const refusal = refusal_of(refusals, slot.id);
        json["fits_now"] = refusal == nullptr;
        if (refusal != nullptr) {
            json["against_it"] = with_hints(lines_about(*refusal));
        }
    }
    return json;
}

Json to_json(const std::string& master, const RecoverySlot& slot) {
    return {{"master", master},  {"id", slot.id},           {"type", "recovery"},
            {"policy", nullptr}, {"words", "recovery key"}, {"created", slot.created},
            {"note", slot.note}, {"fits_now", nullptr},     {"against_it", Json::array()}};
}

void print(const Slot& slot, const Refusals& refusals) {
    const SlotRefusal* const refusal = refusals ? refusal_of(refusals, slot.id) : nullptr;
    std::printf("  slot %u: %s\n    made %s%s%s; %s\n", slot.id, describe(slot.policy).c_str(),
                slot.created.c_str(), slot.note.empty() ? "" : ": ", slot.note.c_str(),
                !refusals            ? "whether it fits now is not known without the TPM"
                : refusal == nullptr ? "fits now"
                                     : "does not fit now:");
    if (refusal != nullptr) {
        for (const std::string& reason : with_hints(reasons_of(*refusal))) {
            std::printf("      %s\n", reason.c_str());
        }
    }
}

void print(const RecoverySlot& slot) {
    std::printf("  slot %u: recovery key\n    made %s%s%s; opens without the TPM\n", slot.id,
                slot.created.c_str(), slot.note.empty() ? "" : ": ", slot.note.c_str());
}

int run_slots(const SlotOptions& words, const Globals& globals) {
    const SlotSession desk{globals, words.pin_file};
    Json json = Json::array();
    for (const std::string& name : desk.masters(words.master)) {
        const MasterFile file = desk.store().master(name);
        const Refusals refusals = refusals_now(desk, file);
        if (!globals.json) {
            std::printf("master key %s\n", name.c_str());
        }
        for (const Slot& slot : file.slots) {
            json.push_back(to_json(name, slot, refusals));
            if (!globals.json) {
                print(slot, refusals);
            }
        }
        for (const RecoverySlot& slot : file.recovery) {
            json.push_back(to_json(name, slot));
            if (!globals.json) {
                print(slot);
            }
        }
    }
    if (globals.json) {
        std::printf("%s\n", Json{{"slots", json}}.dump(2).c_str());
    }
    return 0;
}

struct PruneOptions : SlotOptions {
    PruneRequest request;
    PredictionOptions prediction;
};

/// The selections of all literal slots.
std::vector<PcrSelection> selections_of(const MasterFile& file) {
    std::map<PcrBank, PcrMask> masks;
    for (const Slot& slot : file.slots) {
        for (const PcrPolicy& literal : slot.policy.pcrs) {
            masks[literal.bank] |= literal.selection().mask;
        }
    }
    std::vector<PcrSelection> selections;
    for (const auto& [bank, mask] : masks) {
        selections.push_back({bank, mask});
    }
    return selections;
}

/// What is to be removed of one master key: with the boot to come, when the command line describes one.
PruneRequest request_for(const PruneOptions& words, const SlotSession& desk, const std::string& name,
                         const Globals& globals) {
    PruneRequest request = words.request;
    if (asked_for(words.prediction)) {
        const auto tpm =
            open_tpm(desk.context().machine.tpm, TpmAccess::managed, desk.context().machine.backoff);
        if (!tpm) {
            throw Error{Reason::unavailable, describe(tpm.error().kind)};
        }
        request.future.push_back(predicted_values(selections_of(desk.store().master(name)), words.prediction,
                                                  globals.paths(), **tpm));
    }
    return request;
}

int run_prune(const PruneOptions& words, const Globals& globals) {
    if (!words.request.slots.empty() && words.master.empty()) {
        throw Error{Reason::usage, "--slot needs the name of the master key whose slot it is"};
    }
    const SlotSession desk{globals, words.pin_file};
    Json json = Json::array();
    for (const std::string& name : desk.masters(words.master)) {
        const std::vector<unsigned> removed =
            prune(desk.context(), name, request_for(words, desk, name, globals));
        json.push_back({{"master", name}, {"removed", removed}});
        if (globals.json) {
            continue;
        }
        if (removed.empty()) {
            std::printf("master key %s: no slot to remove\n", name.c_str());
        } else {
            std::printf(
                "master key %s: removed slot %s. Copies of the old file still hold it: 'sealmount rotate "
                "%s' makes them worthless\n",
                name.c_str(), to_string(removed).c_str(), name.c_str());
        }
    }
    if (globals.json) {
        std::printf("%s\n", Json{{"masters", json}}.dump(2).c_str());
    }
    return 0;
}

} // namespace

Run declare_slots(CLI::App& verb, const Globals& globals) {
    const auto words = std::make_shared<SlotOptions>();
    verb.add_option("MASTER", words->master, "the master key; by default every one that a volume uses");
    return [words, &globals] { return run_slots(*words, globals); };
}

Run declare_prune(CLI::App& verb, const Globals& globals) {
    const auto words = std::make_shared<PruneOptions>();
    add_slot_options(verb, *words);
    verb.add_option("--slot", words->request.slots,
                    "this slot; repeatable; by default those that fit neither now nor the stated future")
        ->allow_extra_args(false);
    verb.add_option("--replace", words->prediction.replacements,
                    "OLD=NEW: keep what fits the next boot, at which the file NEW is measured instead of OLD")
        ->allow_extra_args(false);
    add_prediction_options(verb, words->prediction);
    verb.add_flag("--force", words->request.keep_none_open, "even when no slot that is left opens now");
    return [words, &globals] { return run_prune(*words, globals); };
}

} // namespace sealmount
