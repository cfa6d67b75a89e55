// SPDX-License-Identifier: LGPL-2.1-or-later
#include "app/options/bound_policies.hpp"

#include "app/output/hints.hpp"
#include "base/error.hpp"
#include "base/text.hpp"
#include "core/events/log_files.hpp"

#include <algorithm>

namespace sealmount {

namespace {

bool has_open_uki_pcr(const PcrPolicy& literal) {
    const auto found = literal.values.find(uki_pcr);
    return found != literal.values.end() && found->second.empty();
}

bool asks_for_uki_pcr(const Policy& policy) {
    return std::ranges::any_of(policy.pcrs, has_open_uki_pcr);
}

/// The boot phases that PCR 11 of the running system has in it; nothing when the logs do not tell.
std::optional<std::string> present_phases(const Paths& paths, Tpm& tpm, const PcrBank bank) {
    try {
        const EventLog firmware = read_event_log("", paths);
        const auto systemd = read_measure_log("", paths);
        const PcrValues present = tpm.read_pcrs({bank, PcrMask{1} << uki_pcr}).values;
        const auto phases =
            replay_of({firmware, systemd ? &*systemd : nullptr, bank, &present}, uki_pcr).phases;
        return phases ? std::optional{join(*phases, ":")} : std::nullopt;
    } catch (const Error&) {
        return std::nullopt; // no log: then it is a machine whose PCR 11 nobody reckons
    }
}

/// Values for those literal PCRs that lack one. Throws Error{unavailable}.
Policy with_predicted_values(Policy policy, const PredictionOptions& words, const Paths& paths, Tpm& tpm,
                             const std::optional<std::string>& phases) {
    PredictionOptions with_phases = words;
    if (phases) {
        with_phases.phases = phases;
    }
    std::string reasons;
    for (PcrPolicy& literal : policy.pcrs) {
        const Prediction prediction = predicted(with_phases, paths, tpm, literal.selection());
        for (auto& [pcr, value] : literal.values) {
            if (!value.empty()) {
                continue;
            }
            if (const auto& told = prediction.at(pcr)) {
                value = *told;
            } else {
                reasons += "\n  PCR " + std::to_string(pcr) + ": " + with_hint(told.error());
            }
        }
    }
    if (!reasons.empty()) {
        throw Error{Reason::unavailable,
                    "the next boot cannot be predicted:" + reasons +
                        "\nNothing was changed. 'sealmount suspend' lets one boot pass whatever changes"};
    }
    return policy;
}

/// The events that the words lead to, for the literal PCRs of the policy.
MeasuredEvents events_of(const Policy& policy, const PredictionOptions& words, const Paths& paths) {
    MeasuredEvents events;
    try {
        for (const PcrPolicy& literal : policy.pcrs) {
            events[literal.bank] = predicted_marks(words, paths, literal.selection());
        }
    } catch (const Error&) {
        return {}; // no log
    }
    return events;
}

/// The two without repetition.
std::vector<BoundPolicy> for_boot_and_later(Policy boot, Policy later, const MeasuredEvents& events) {
    std::vector<BoundPolicy> bound;
    const bool is_same = boot == later;
    bound.push_back({std::move(boot), events});
    if (!is_same) {
        bound.push_back({std::move(later), events});
    }
    return bound;
}

} // namespace

PresentBinder bind_to_present(const Paths& paths) {
    return [paths](Tpm& tpm, const Policy& policy) {
        PolicyNeeds needs;
        add_needs(
            policy,
            [](const std::string&) -> std::string {
                throw Error{Reason::no_input, ""};
            },
            needs);
        Policy later = filled_in(policy, read_state(tpm, needs));
        if (!asks_for_uki_pcr(policy)) {
            return std::vector{BoundPolicy{later, events_of(later, {}, paths)}};
        }
        Policy boot = later;
        for (std::size_t i = 0; i < policy.pcrs.size(); ++i) {
            const PcrPolicy& literal = policy.pcrs[i];
            if (!has_open_uki_pcr(literal) || !present_phases(paths, tpm, literal.bank)) {
                continue;
            }
            const auto prediction =
                predicted({}, paths, tpm, {.bank = literal.bank, .mask = PcrMask{1} << uki_pcr});
            if (const auto& told = prediction.at(uki_pcr)) {
                boot.pcrs[i].values.at(uki_pcr) = *told;
            }
        }
        return for_boot_and_later(std::move(boot), std::move(later), events_of(policy, {}, paths));
    };
}

std::vector<BoundPolicy> bound_to_prediction(const Policy& policy, const PredictionOptions& words,
                                             const Paths& paths, Tpm& tpm) {
    Policy boot = with_predicted_values(policy, words, paths, tpm, std::nullopt);
    const auto uki = std::ranges::find_if(policy.pcrs, has_open_uki_pcr);
    const auto phases =
        uki == policy.pcrs.end() || words.phases ? std::nullopt : present_phases(paths, tpm, uki->bank);
    if (!phases) {
        return {{std::move(boot), events_of(policy, words, paths)}};
    }
    return for_boot_and_later(std::move(boot), with_predicted_values(policy, words, paths, tpm, phases),
                              events_of(policy, words, paths));
}

std::map<PcrBank, PcrValues> predicted_values(const std::vector<PcrSelection>& selections,
                                              const PredictionOptions& words, const Paths& paths, Tpm& tpm) {
    std::map<PcrBank, PcrValues> values;
    for (const PcrSelection selection : selections) {
        for (const auto& [pcr, told] : predicted(words, paths, tpm, selection)) {
            if (told) {
                values[selection.bank].emplace(pcr, *told);
            }
        }
    }
    return values;
}

} // namespace sealmount
