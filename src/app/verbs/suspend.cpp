// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/slots/suspend.hpp"
#include "app/options/policy_options.hpp"
#include "app/options/slot_session.hpp"
#include "app/output/journal_names.hpp"
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

int run_suspend(const SuspendOptions& words, const Globals& globals) {
    Policy kept;
    if (!words.keep_pcrs.empty()) {
        kept.pcrs = parse_pcr_values(words.keep_pcrs);
    }
    const SlotSession desk{globals, words.pin_file};
    Json json = Json::array();
    for (const std::string& name : desk.masters(words.master)) {
        OpenMaster master = open_master(desk.context(), name);
        const Suspended suspended = suspend(desk.context(), master, words.boots, kept);
        json.push_back({{"master", name},
                        {"slot", suspended.slot},
                        {"last_boot", suspended.last_boot},
                        {"removed", suspended.removed}});
        const std::string until =
            words.boots == 1 ? "the next boot" : "the next " + std::to_string(words.boots) + " boots";
        const std::string message = "the policy of the master key " + name + " is suspended for " + until +
                                    ": " +
                                    (kept.is_empty() ? "until then whoever has this machine gets the key"
                                                     : "until then only this holds: " + describe(kept));
        record(Level::warning, message, {{journal::message_id, journal::suspended}, {journal::master, name}});
        if (!globals.json) {
            std::printf(
                "Slot %u: %s.\nThe TPM itself ends it, and refuses copies of the slot. After the first boot "
                "that "
                "needed it, the new state is sealed and the slot dropped; 'sealmount resume %s' does that at "
                "once.\n",
                suspended.slot, message.c_str(), name.c_str());
        }
    }
    if (globals.json) {
        std::printf("%s\n", Json{{"masters", json}}.dump(2).c_str());
    }
    return 0;
}

struct ResumeOptions : SlotOptions {
    bool after_boot = false;
};

void tell(const std::string& name, const Resumed& resumed, const bool after_boot) {
    const auto say = [&](const Level level, const std::string& words) {
        record(level, "master key " + name + ": " + words,
               {{journal::message_id, journal::resumed}, {journal::master, name}});
        if (!after_boot) {
            std::printf("master key %s: %s\n", name.c_str(), words.c_str());
        }
    };
    if (!resumed.added.empty()) {
        say(Level::notice, "the present state is sealed in slot " + to_string(resumed.added));
    }
    if (!resumed.removed.empty()) {
        say(Level::notice, "the suspension is over (slot " + to_string(resumed.removed) + ")");
    } else if (!resumed.kept.empty()) {
        say(Level::warning, "is still suspended (slot " + to_string(resumed.kept) +
                                "): nothing has changed yet that would need it");
    } else if (!after_boot) {
        say(Level::notice, "was not suspended");
    }
    if (!resumed.unbound.empty()) {
        say(Level::warning, "slot " + to_string(resumed.unbound) +
                                " has a PIN and does not fit the present state: run 'sealmount reseal " +
                                name + " --pin' with its PCRs");
    }
}

int run_resume(const ResumeOptions& words, const Globals& globals) {
    const SlotSession desk{globals, words.pin_file};
    if (words.after_boot && desk.store().manifest().volumes.empty()) {
        return 0;
    }
    Json json = Json::array();
    for (const std::string& name : desk.masters(words.master)) {
        const Resumed resumed = resume(desk.context(), name, words.after_boot);
        json.push_back({{"master", name},
                        {"added", resumed.added},
                        {"removed", resumed.removed},
                        {"kept", resumed.kept},
                        {"unbound", resumed.unbound}});
        if (!globals.json) {
            tell(name, resumed, words.after_boot);
        }
    }
    if (globals.json) {
        std::printf("%s\n", Json{{"masters", json}}.dump(2).c_str());
    }
    return 0;
}

} // namespace

Run declare_suspend(CLI::App& verb, const Globals& globals) {
    const auto words = std::make_shared<SuspendOptions>();
    add_slot_options(verb, *words);
    verb.add_option("--boots", words->boots,
                    "for so many boots after this one; each start of the machine counts, "
                    "also those that a firmware update makes by itself")
        ->capture_default_str();
    verb.add_option("--keep-pcrs", words->keep_pcrs, "PCRs that must not change all the same");
    return [words, &globals] { return run_suspend(*words, globals); };
}

Run declare_resume(CLI::App& verb, const Globals& globals) {
    const auto words = std::make_shared<ResumeOptions>();
    add_slot_options(verb, *words);
    verb.add_flag("--after-boot", words->after_boot,
                  "only when this boot needed the suspension, or its boots are over; log to the journal");
    return [words, &globals] { return run_resume(*words, globals); };
}

} // namespace sealmount
