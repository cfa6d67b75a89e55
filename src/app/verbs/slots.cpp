// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "app/options/bound_policies.hpp"
#include "app/options/slot_session.hpp"
#include "app/output/hints.hpp"
#include "app/output/print.hpp"
#include "app/verbs/verbs.hpp"
#include "base/strict_json.hpp"
#include "core/policy/policy_json.hpp"
#include "core/slots/suspend.hpp"
#include "sys/tpm/srk_name.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>

namespace sealmount {

namespace {

/// Why a slot does not fit now; nothing when that is not known, because there is no TPM.
using Refusals = std::optional<std::vector<SlotRefusal>>;

Refusals refusals_now(const SlotSession& session, const MasterFile& file) {
    const auto tpm =
        open_tpm(session.context().machine.tpm, TpmAccess::managed, session.context().machine.backoff);
    if (!tpm) {
        return std::nullopt;
    }
    // The PCR values may be right on another TPM as well.
    if (auto problem = problem_with_srk(**tpm, file)) {
        const bool is_evicted = problem->kind == RefusalKind::srk_missing;
        if (!is_evicted || !(*tpm)->use_primary(file.srk_name)) {
            std::vector<SlotRefusal> refused;
            for (const Slot& slot : file.slots) {
                refused.push_back({.slot = slot.id, .kind = problem->kind, .detail = problem->detail});
            }
            return refused;
        }
    }
    return choose_slots(**tpm, {file, session.store().policy_files()}).refused;
}

const SlotRefusal* refusal_of(const Refusals& refusals, const unsigned id) {
    const auto found = std::ranges::find(*refusals, id, &SlotRefusal::slot);
    return found == refusals->end() ? nullptr : &*found;
}

struct ShownMaster {
    const std::string& name;
    const TpmName& srk;
};

Json to_json(const ShownMaster& master, const Slot& slot, const Refusals& refusals) {
    Json json = {{"master", master.name},
                 {"srk", short_form(master.srk)},
                 {"id", slot.id},
                 {"type", "tpm"},
                 {"policy", to_json(slot.policy)},
                 {"words", describe(slot.policy)},
                 {"created", slot.created},
                 {"note", slot.note},
                 {"fits_now", nullptr},
                 {"against_it", Json::array()}};
    if (slot.is_unproven) {
        json["unproven"] = true;
    }
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

void print_slot(const Slot& slot, const Refusals& refusals) {
    const SlotRefusal* const refusal = refusals ? refusal_of(refusals, slot.id) : nullptr;
    print("  slot {}: {}{}\n    made {}{}{}; {}\n", slot.id, describe(slot.policy),
          slot.is_unproven ? " (nothing proves that)" : "", slot.created, slot.note.empty() ? "" : ": ",
          slot.note,
          !refusals            ? "whether it fits now is not known without the TPM"
          : refusal == nullptr ? "fits now"
                               : "does not fit now:");
    if (refusal != nullptr) {
        for (const std::string& line : with_hints(reasons_of(*refusal))) {
            print("      {}\n", line);
        }
    }
}

void print_slot(const RecoverySlot& slot) {
    print("  slot {}: recovery key\n    made {}{}{}; opens without the TPM\n", slot.id, slot.created,
          slot.note.empty() ? "" : ": ", slot.note);
}

/// One master key: printed, and added to `json`.
void show_master(const SlotSession& session, const std::string& name, const Globals& globals, Json& json) {
    const MasterFile file = session.store().master(name);
    const Refusals refusals = refusals_now(session, file);
    if (globals.json) {
        for (const Slot& slot : file.slots) {
            json.push_back(to_json({.name = name, .srk = file.srk_name}, slot, refusals));
        }
        for (const RecoverySlot& slot : file.recovery) {
            json.push_back(to_json(name, slot));
        }
        return;
    }
    print("master key {}, under the TPM's key {}\n", name, short_form(file.srk_name));
    for (const Slot& slot : file.slots) {
        print_slot(slot, refusals);
    }
    for (const RecoverySlot& slot : file.recovery) {
        print_slot(slot);
    }
}

int run_slots(const SlotOptions& options, const Globals& globals, const Machine& machine) {
    const SlotSession session{globals, machine, options.pin_file};
    Json json = Json::array();
    for (const std::string& name : session.masters(options.master)) {
        show_master(session, name, globals, json);
    }
    if (globals.json) {
        print_json({{"slots", json}});
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
PruneRequest request_for(const PruneOptions& options, const SlotSession& session, const std::string& name,
                         const Globals& globals) {
    PruneRequest request = options.request;
    if (asked_for(options.prediction)) {
        const auto tpm =
            open_tpm(session.context().machine.tpm, TpmAccess::managed, session.context().machine.backoff);
        if (!tpm) {
            throw Error{Reason::unavailable, describe(tpm.error().kind)};
        }
        request.future = predicted_values(selections_of(session.store().master(name)), options.prediction,
                                          globals.paths(), **tpm);
    }
    return request;
}

void report(const std::string& master, const std::vector<unsigned>& removed) {
    if (removed.empty()) {
        print("master key {}: no slot to remove\n", master);
    } else {
        print("master key {}: removed slot {}. Copies of the old file still hold it: 'sealmount rotate {}' "
              "makes a new "
              "master key, which they do not open; with an old backup of /etc/sealmount they still open its "
              "volumes\n",
              master, to_string(removed), master);
    }
}

int run_prune(const PruneOptions& options, const Globals& globals, const Machine& machine) {
    if (!options.request.slots.empty() && options.master.empty()) {
        throw Error{Reason::usage, "--slot needs the name of the master key whose slot it is"};
    }
    const SlotSession session{globals, machine, options.pin_file};
    Json json = Json::array();
    for (const std::string& name : session.masters(options.master)) {
        const std::vector<unsigned> removed =
            prune(session.context(), name, request_for(options, session, name, globals));
        json.push_back({{"master", name}, {"removed", removed}});
        if (!globals.json) {
            report(name, removed);
        }
    }
    if (globals.json) {
        print_json({{"masters", json}});
    }
    return 0;
}

} // namespace

Run declare_slots(Arguments& verb) {
    const auto options = std::make_shared<SlotOptions>();
    verb.argument("MASTER", options->master, "the master key (default: every one that a volume uses)");
    return [options](const Globals& globals, const Machine& machine) {
        return run_slots(*options, globals, machine);
    };
}

Run declare_prune(Arguments& verb) {
    const auto options = std::make_shared<PruneOptions>();
    add_slot_options(verb, *options);
    verb.numbers("--slot", {1}, options->request.slots,
                 "this slot (default: those that fit neither the present state nor the described next boot)");
    verb.option("--replace", "OLD=NEW", options->prediction.replacements,
                "keep what fits the next boot, at which the file NEW is measured instead of OLD");
    add_prediction_options(verb, options->prediction);
    verb.flag("--force", options->request.keep_none_open, "even when no remaining slot opens now");
    return [options](const Globals& globals, const Machine& machine) {
        return run_prune(*options, globals, machine);
    };
}

} // namespace sealmount
