// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/check/check_next_boot.hpp"

#include "base/error.hpp"

#include <algorithm>
#include <set>

namespace sealmount {

namespace {

/// The state that volumes will be unlocked in.
struct NextState {
    SystemState state;
    std::map<PcrBank, std::map<unsigned, std::string>> unknown; ///< why
};

NextState next_state(Tpm& tpm, const std::vector<Slot>& slots, const PolicyFileReader& files,
                     const NextPcrs& next_pcrs) {
    PolicyNeeds needs;
    for (const Slot& slot : slots) {
        add_needs(slot.policy, files, needs);
    }
    NextState next;
    for (const auto& [bank, mask] : needs.pcrs) {
        PcrValues& values = next.state.pcrs[bank];
        for (auto& [pcr, told] : next_pcrs(tpm, {bank, mask})) {
            if (told) {
                values.emplace(pcr, *told);
            } else {
                next.unknown[bank].emplace(pcr, told.error());
            }
        }
    }
    if (needs.clock) {
        next.state.clock = TpmClock{.time = {}, .reset_count = tpm.clock().reset_count + 1};
    }
    return next;
}

/// What will stand against one slot; nothing when it will open unattended.
struct Obstacles {
    std::vector<std::string> words;
    bool is_unknown = false; ///< something cannot be predicted
    bool is_pin = false;     ///< only that somebody has to type the PIN
};

void add_unknown(const Policy& policy, const PolicyFileReader& files, const NextState& next,
                 Obstacles& obstacles) {
    PolicyNeeds needs;
    add_needs(policy, files, needs);
    for (const auto& [bank, reasons] : next.unknown) {
        const auto wanted = needs.pcrs.find(bank);
        for (const auto& [pcr, why] : reasons) {
            if (wanted != needs.pcrs.end() && (wanted->second >> pcr & 1U) != 0) {
                obstacles.words.push_back("PCR " + std::to_string(pcr) + " cannot be predicted: " + why);
                obstacles.is_unknown = true;
            }
        }
    }
}

Obstacles obstacles_of(const Policy& policy, const PolicyFileReader& files, const NextState& next) {
    Obstacles obstacles;
    add_unknown(policy, files, next, obstacles);
    if (obstacles.is_unknown) {
        return obstacles;
    }
    const auto steps = plan(policy, next.state, files);
    if (!steps) {
        for (const PcrMismatch& mismatch : steps.error().mismatches) {
            obstacles.words.push_back("PCR " + std::to_string(mismatch.pcr) + " (" +
                                      std::string{pcr_meaning(mismatch.pcr)} + ") will be " + mismatch.found +
                                      ", and it wants " + mismatch.expected);
        }
        obstacles.words.insert(obstacles.words.end(), steps.error().reasons.begin(),
                               steps.error().reasons.end());
    } else if (policy.pin) {
        obstacles.words.emplace_back("it will ask for its PIN");
        obstacles.is_pin = true;
    }
    return obstacles;
}

std::string mend_for(const std::string& name, const MasterFile& master, const bool is_unknown,
                     const bool is_pin) {
    if (is_unknown) {
        return "'sealmount suspend " + name + "' lets the next boot pass, whatever it measures";
    }
    if (is_pin) {
        return "'sealmount reseal " + name + " --pcrs 7' makes a slot without a PIN";
    }
    const auto has = [&](const auto& test) { return std::ranges::any_of(master.slots, test); };
    if (has([](const Slot& slot) { return !slot.policy.pcrs.empty() && !slot.policy.last_boot; })) {
        return "'sealmount reseal " + name + " --next-boot' makes a slot for it";
    }
    if (has([](const Slot& slot) { return slot.policy.pcrlock.has_value(); })) {
        return "'systemd-pcrlock make-policy' allows what the next boot measures";
    }
    return "'sealmount predict --next-boot --json' tells the values, and 'sealmount sign-policy' signs them "
           "where the key is";
}

Finding finding_about(const std::string& name, const MasterFile& master, const PolicyFileReader& files,
                      const NextState& next) {
    Finding finding{"master " + name, "next-boot", Severity::bad, {}, {}};
    bool is_unknown = false;
    bool is_pin = false;
    for (const Slot& slot : master.slots) {
        const Obstacles obstacles = obstacles_of(slot.policy, files, next);
        if (obstacles.words.empty()) {
            return {finding.about,
                    finding.item,
                    Severity::good,
                    "the TPM will release it at the next boot (slot " + std::to_string(slot.id) + " of " +
                        std::to_string(master.slots.size()) + ")",
                    {}};
        }
        is_unknown = is_unknown || obstacles.is_unknown;
        is_pin = is_pin || obstacles.is_pin;
        for (const std::string& words : obstacles.words) {
            finding.words += "\n  slot " + std::to_string(slot.id) + ": " + words;
        }
    }
    finding.words = "no slot will open at the next boot without anybody at the keyboard" + finding.words;
    finding.mend = mend_for(name, master, is_unknown, is_pin);
    return finding;
}

Finding look_at(const CheckContext& context, Tpm& tpm, const std::string& name, const NextPcrs& next_pcrs) {
    try {
        const MasterFile master = context.store.master(name);
        const PolicyFileReader files = context.store.policy_files();
        return finding_about(name, master, files, next_state(tpm, master.slots, files, next_pcrs));
    } catch (const Error& error) {
        return {"master " + name, "next-boot", Severity::bad, error.what(),
                "'sealmount check' tells more about it"};
    }
}

std::set<std::string> masters_of(const CheckContext& context, const std::optional<std::string>& name) {
    if (name) {
        return {context.store.volume(*name).master};
    }
    std::set<std::string> masters;
    for (const Volume& volume : context.store.manifest().volumes) {
        masters.insert(volume.master);
    }
    return masters;
}

} // namespace

std::vector<Finding> check_next_boot(const CheckContext& context, const std::optional<std::string>& name,
                                     const NextPcrs& next_pcrs) {
    std::vector<Finding> findings;
    const std::set<std::string> masters = masters_of(context, name);
    if (masters.empty()) {
        return findings;
    }
    const auto tpm = open_tpm(context.machine.tpm, TpmAccess::managed, context.machine.backoff);
    if (!tpm) {
        findings.push_back({"tpm", "present", Severity::bad, describe(tpm.error().kind),
                            "'sealmount check' tells more about it"});
        return findings;
    }
    for (const std::string& master : masters) {
        findings.push_back(look_at(context, **tpm, master, next_pcrs));
    }
    return findings;
}

} // namespace sealmount
