// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/master/present_binding.hpp"

#include "base/error.hpp"
#include "base/hex.hpp"
#include "core/events/log_files.hpp"
#include "core/events/pcr_replay.hpp"

#include <algorithm>

namespace sealmount {

namespace {

/// PCR 11, as the logs of this boot explain it.
struct UkiPcr {
    std::vector<std::string> phases; ///< all that were measured into it so far
    std::optional<Bytes> at_unlock;  ///< its value when volumes were unlocked; nothing where the logs do not
                                     ///< make the present value
};

std::optional<UkiPcr> uki_pcr_now(const Paths& paths, Tpm& tpm, const PcrBank bank) {
    try {
        const EventLog firmware = read_event_log("", paths);
        const auto systemd = read_measure_log("", paths);
        const PcrValues present = tpm.read_pcrs({bank, PcrMask{1} << uki_pcr}).values;
        const PcrReplay replayed =
            replay_of({firmware, systemd ? &*systemd : nullptr, bank, &present}, uki_pcr);
        if (!replayed.phases) {
            return std::nullopt;
        }
        UkiPcr result{.phases = *replayed.phases, .at_unlock = {}};
        if (replayed.agrees) {
            result.at_unlock =
                after_phases(bank, replay(firmware, bank).at(uki_pcr), before_sysinit(result.phases));
        }
        return result;
    } catch (const Error&) {
        return std::nullopt; // no log: then it is a machine whose PCR 11 nobody computes
    }
}

/// The firmware's events of the literal PCRs of the policy.
MeasuredEvents present_events(const Policy& policy, const Paths& paths) {
    MeasuredEvents events;
    try {
        const EventLog firmware = read_event_log("", paths);
        for (const PcrPolicy& literal : policy.pcrs) {
            if (std::ranges::find(firmware.banks, literal.bank) == firmware.banks.end()) {
                return {};
            }
            auto& marks = events[literal.bank];
            const PcrMask mask = literal.selection().mask;
            for (const LogEvent& event : firmware.events) {
                if (event.is_measured() && (mask >> event.pcr & 1U) != 0) {
                    marks[event.pcr].push_back(
                        to_hex(event.digests.at(literal.bank)).substr(0, event_mark_digits));
                }
            }
        }
    } catch (const Error&) {
        return {}; // no log
    }
    return events;
}

} // namespace

bool has_open_uki_pcr(const PcrPolicy& literal) {
    const auto found = literal.values.find(uki_pcr);
    return found != literal.values.end() && found->second.empty();
}

std::optional<std::vector<std::string>> present_phases(const Paths& paths, Tpm& tpm, const PcrBank bank) {
    const auto now = uki_pcr_now(paths, tpm, bank);
    return now ? std::optional{now->phases} : std::nullopt;
}

std::vector<BoundPolicy> for_boot_and_later(Policy boot, Policy later, const MeasuredEvents& events) {
    std::vector<BoundPolicy> bound;
    const bool is_same = boot == later;
    bound.push_back({std::move(boot), events});
    if (!is_same) {
        bound.push_back({std::move(later), events});
    }
    return bound;
}

PresentBinder bind_to_present(const Paths& paths) {
    return [paths](Tpm& tpm, const Policy& policy) {
        PolicyNeeds needs;
        const auto no_files = [](const std::string&) -> std::string { throw Error{Reason::no_input, ""}; };
        add_needs(policy, no_files, needs);
        Policy later = filled_in(policy, read_state(tpm, needs));
        Policy boot = later;
        for (std::size_t i = 0; i < policy.pcrs.size(); ++i) {
            if (!has_open_uki_pcr(policy.pcrs[i])) {
                continue;
            }
            if (const auto now = uki_pcr_now(paths, tpm, policy.pcrs[i].bank); now && now->at_unlock) {
                boot.pcrs[i].values.at(uki_pcr) = *now->at_unlock;
            }
        }
        return for_boot_and_later(std::move(boot), std::move(later), present_events(policy, paths));
    };
}

} // namespace sealmount
