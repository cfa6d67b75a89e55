// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/slots/suspend.hpp"
#include "app/options/policy_options.hpp"
#include "app/options/slot_session.hpp"
#include "app/output/journal_names.hpp"
#include "app/output/print.hpp"
#include "app/verbs/verbs.hpp"
#include "base/format.hpp"
#include "base/strict_json.hpp"
#include "sys/host/journal.hpp"

#include <nlohmann/json.hpp>

#include <cstdio>

namespace sealmount {

namespace {

struct SuspendOptions : SlotOptions {
    unsigned boots = 1;
    std::string keep_pcrs;
};

/// One master key; what was done.
Json suspend_one(const SlotSession& session, const std::string& name, const SuspendOptions& options,
                 const Policy& kept, const Globals& globals) {
    OpenMaster master = open_master(session.context(), name);
    const Suspended suspended = suspend(session.context(), master, options.boots, kept);
    const std::string message =
        formatted("the policy of the master key {} is suspended for {}: {}", name,
                  options.boots == 1 ? "the next boot" : formatted("the next {} boots", options.boots),
                  kept.is_empty() ? "until then whoever has this machine gets the key"
                                  : formatted("until then only this holds: {}", describe(kept)));
    record(Level::warning, message, {{journal::message_id, journal::suspended}, {journal::master, name}});
    if (!globals.json) {
        print(
            "Slot {}: {}.\nThe TPM itself ends it, and refuses copies of the slot. After the first boot that "
            "needed it, the new state is sealed and the slot dropped; 'sealmount resume {}' does that at "
            "once.\n",
            suspended.slot, message, name);
    }
    return {{"master", name},
            {"slot", suspended.slot},
            {"last_boot", suspended.last_boot},
            {"removed", suspended.removed}};
}

int run_suspend(const SuspendOptions& options, const Globals& globals, const Machine& machine) {
    Policy kept;
    if (!options.keep_pcrs.empty()) {
        kept.pcrs = parse_pcr_values(options.keep_pcrs);
    }
    const SlotSession session{globals, machine, options.pin_file};
    Json masters = Json::array();
    for (const std::string& name : session.masters(options.master)) {
        masters.push_back(suspend_one(session, name, options, kept, globals));
    }
    if (globals.json) {
        print_json({{"masters", masters}});
    }
    return 0;
}

struct ResumeOptions : SlotOptions {
    bool after_boot = false;
};

void report(const std::string& name, const Resumed& resumed, const bool after_boot) {
    const auto say = [&](const Level level, const std::string& text) {
        record(level, formatted("master key {}: {}", name, text),
               {{journal::message_id, journal::resumed}, {journal::master, name}});
        if (!after_boot) {
            print("master key {}: {}\n", name, text);
        }
    };
    if (!resumed.added.empty()) {
        say(Level::notice, formatted("the present state is sealed in slot {}", to_string(resumed.added)));
    }
    if (!resumed.removed.empty()) {
        say(Level::notice, formatted("the suspension is over (slot {})", to_string(resumed.removed)));
    } else if (!resumed.kept.empty()) {
        say(Level::warning,
            formatted("is still suspended (slot {}): nothing has changed yet that would need it",
                      to_string(resumed.kept)));
    } else if (!after_boot) {
        say(Level::notice, "was not suspended");
    }
    if (!resumed.unbound.empty()) {
        say(Level::warning, formatted("slot {} has a PIN and does not fit the present state: run 'sealmount "
                                      "reseal {} --pin' with its PCRs",
                                      to_string(resumed.unbound), name));
    }
}

int run_resume(const ResumeOptions& options, const Globals& globals, const Machine& machine) {
    const SlotSession session{globals, machine, options.pin_file, false, !options.after_boot};
    if (options.after_boot && session.store().manifest().volumes.empty()) {
        return 0;
    }
    Json json = Json::array();
    for (const std::string& name : session.masters(options.master)) {
        const Resumed resumed = resume(session.context(), name, options.after_boot);
        json.push_back({{"master", name},
                        {"added", resumed.added},
                        {"removed", resumed.removed},
                        {"kept", resumed.kept},
                        {"unbound", resumed.unbound}});
        if (!globals.json) {
            report(name, resumed, options.after_boot);
        }
    }
    if (globals.json) {
        print_json({{"masters", json}});
    }
    return 0;
}

} // namespace

Run declare_suspend(Arguments& verb) {
    const auto options = std::make_shared<SuspendOptions>();
    add_slot_options(verb, *options);
    verb.number(
        "--boots", {1}, options->boots,
        "for how many boots after this one; each start of the machine counts, also those that a firmware "
        "update makes by itself");
    verb.option("--keep-pcrs", "LIST", options->keep_pcrs, "PCRs that must not change all the same");
    return [options](const Globals& globals, const Machine& machine) {
        return run_suspend(*options, globals, machine);
    };
}

Run declare_resume(Arguments& verb) {
    const auto options = std::make_shared<ResumeOptions>();
    add_slot_options(verb, *options);
    verb.flag("--after-boot", options->after_boot,
              "only when this boot needed the suspension, or its boots are over; log to the journal");
    return [options](const Globals& globals, const Machine& machine) {
        return run_resume(*options, globals, machine);
    };
}

} // namespace sealmount
