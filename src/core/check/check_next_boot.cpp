// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/check/check_next_boot.hpp"

#include "base/error.hpp"
#include "base/format.hpp"

#include <algorithm>
#include <set>

namespace sealmount {

namespace {

/// A state that volumes will be unlocked in.
struct NextState {
    std::string origin; ///< as in NextPcrState
    SystemState state;
    std::map<PcrBank, std::map<unsigned, std::string>> unknown; ///< why
};

void add_pcrs(NextState& next, const PcrBank bank, const NextPcrState& pcrs) {
    next.origin = pcrs.origin;
    PcrValues& values = next.state.pcrs[bank];
    for (const auto& [pcr, predicted] : pcrs.values) {
        if (predicted) {
            values.emplace(pcr, *predicted);
        } else {
            next.unknown[bank].emplace(pcr, predicted.error().message);
        }
    }
}

std::vector<NextState> next_states(Tpm& tpm, const std::vector<Slot>& slots, const PolicyFileReader& files,
                                   const NextPcrs& next_pcrs) {
    PolicyNeeds needs;
    for (const Slot& slot : slots) {
        add_needs(slot.policy, files, needs);
    }
    std::vector<NextState> states(1);
    for (const auto& [bank, mask] : needs.pcrs) {
        const auto pcrs = next_pcrs(tpm, {bank, mask});
        states.resize(std::max(states.size(), pcrs.size()), states.back());
        for (std::size_t at = 0; at < states.size(); ++at) {
            add_pcrs(states[at], bank, pcrs[std::min(at, pcrs.size() - 1)]);
        }
    }
    for (NextState& next : states) {
        if (needs.clock) {
            next.state.clock = TpmClock{.time = {}, .reset_count = tpm.clock().reset_count + 1};
        }
    }
    return states;
}

/// What will stand against one slot; nothing when it will open unattended.
struct Obstacles {
    std::vector<std::string> reasons;
    bool is_unknown = false; ///< something cannot be predicted
    bool is_pin = false;     ///< only that somebody has to type the PIN
};

void add_unknown(const Policy& policy, const PolicyFileReader& files, const NextState& next,
                 Obstacles& obstacles) {
    PolicyNeeds needs;
    add_needs(policy, files, needs);
    for (const auto& [bank, reasons] : next.unknown) {
        const auto needed = needs.pcrs.find(bank);
        for (const auto& [pcr, why] : reasons) {
            if (needed != needs.pcrs.end() && (needed->second >> pcr & 1U) != 0) {
                obstacles.reasons.push_back(formatted("PCR {} cannot be predicted: {}", pcr, why));
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
            obstacles.reasons.push_back(formatted("PCR {} ({}) will be {}, and it requires {}", mismatch.pcr,
                                                  pcr_meaning(mismatch.pcr), mismatch.found,
                                                  mismatch.expected));
        }
        for (const Problem& reason : steps.error().reasons) {
            obstacles.reasons.push_back(reason.message);
        }
    } else if (policy.pin) {
        obstacles.reasons.emplace_back("it will ask for its PIN");
        obstacles.is_pin = true;
    }
    return obstacles;
}

AdviceKind fix_for(const MasterFile& master, const bool is_unknown, const bool is_pin) {
    if (is_unknown) {
        return AdviceKind::suspend;
    }
    if (is_pin) {
        return AdviceKind::reseal_without_pin;
    }
    const auto has = [&](const auto& test) { return std::ranges::any_of(master.slots, test); };
    if (has([](const Slot& slot) { return !slot.policy.pcrs.empty() && !slot.policy.last_boot; })) {
        return AdviceKind::reseal_next_boot;
    }
    if (has([](const Slot& slot) { return slot.policy.pcrlock.has_value(); })) {
        return AdviceKind::make_pcrlock_policy;
    }
    return AdviceKind::sign_next_boot;
}

Finding finding_about(const std::string& name, const MasterFile& master, const PolicyFileReader& files,
                      const NextState& next) {
    Finding finding{.about = formatted("master {}", name),
                    .item = "next-boot",
                    .severity = Severity::bad,
                    .text = "no slot will open at the next boot without anybody at the keyboard"};
    bool is_unknown = false;
    bool is_pin = false;
    for (const Slot& slot : master.slots) {
        const Obstacles obstacles = obstacles_of(slot.policy, files, next);
        if (obstacles.reasons.empty()) {
            finding.severity = Severity::good;
            finding.text = formatted("the TPM will release it at the next boot (slot {} of {})", slot.id,
                                     master.slots.size());
            return finding;
        }
        is_unknown = is_unknown || obstacles.is_unknown;
        is_pin = is_pin || obstacles.is_pin;
        for (const std::string& reason : obstacles.reasons) {
            finding.text += formatted("\n  slot {}: {}", slot.id, reason);
        }
    }
    finding.fix = {.kind = fix_for(master, is_unknown, is_pin), .subject = name};
    return finding;
}

/// About a state that is not that of now, in which no slot opens.
Finding warning_about(Finding finding, const std::string& origin) {
    finding.severity = Severity::warning;
    finding.item = "later-boot";
    finding.text = formatted("with grubenv {}, {}", origin, finding.text);
    return finding;
}

void look_at(const CheckContext& context, Tpm& tpm, const std::string& name, const NextPcrs& next_pcrs,
             std::vector<Finding>& findings) {
    try {
        const MasterFile master = context.store.master(name);
        const PolicyFileReader files = context.store.policy_files();
        bool is_now = true;
        for (const NextState& next : next_states(tpm, master.slots, files, next_pcrs)) {
            Finding finding = finding_about(name, master, files, next);
            if (is_now) {
                findings.push_back(std::move(finding));
            } else if (finding.severity != Severity::good && findings.back().severity == Severity::good) {
                findings.push_back(warning_about(std::move(finding), next.origin));
            }
            is_now = false;
        }
    } catch (const Error& error) {
        findings.push_back(
            failed_look(formatted("master {}", name), "next-boot", error, {.kind = AdviceKind::run_check}));
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
        findings.push_back({.about = "tpm",
                            .item = "present",
                            .severity = Severity::bad,
                            .text = describe(tpm.error().kind),
                            .fix = {.kind = AdviceKind::run_check}});
        return findings;
    }
    for (const std::string& master : masters) {
        look_at(context, **tpm, master, next_pcrs, findings);
    }
    return findings;
}

} // namespace sealmount
