// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "app/options/bound_policies.hpp"

#include "app/output/hints.hpp"
#include "base/error.hpp"
#include "base/format.hpp"
#include "base/text.hpp"
#include "core/master/present_binding.hpp"

#include <algorithm>

namespace sealmount {

namespace {

/// Values for those literal PCRs that lack one. Throws Error{unavailable}.
Policy with_predicted_values(Policy policy, const PredictionOptions& options, const Paths& paths, Tpm& tpm,
                             const std::optional<std::vector<std::string>>& phases) {
    PredictionOptions with_phases = options;
    if (phases) {
        with_phases.phases = join(*phases, ":");
    }
    std::string reasons;
    for (PcrPolicy& literal : policy.pcrs) {
        const Prediction prediction = predicted(with_phases, paths, tpm, literal.selection());
        for (auto& [pcr, value] : literal.values) {
            if (!value.empty()) {
                continue;
            }
            if (const auto& known = prediction.at(pcr)) {
                value = *known;
            } else {
                reasons += formatted("\n  PCR {}: {}", pcr, with_hint(known.error()));
            }
        }
    }
    if (!reasons.empty()) {
        throw Error{Reason::unavailable,
                    formatted("the next boot cannot be predicted:{}\nNothing was changed", reasons),
                    {.kind = AdviceKind::suspend_one_boot}};
    }
    return policy;
}

/// The events that the options lead to, for the literal PCRs of the policy.
MeasuredEvents events_of(const Policy& policy, const PredictionOptions& options, const Paths& paths) {
    MeasuredEvents events;
    try {
        for (const PcrPolicy& literal : policy.pcrs) {
            events[literal.bank] = predicted_marks(options, paths, literal.selection());
        }
    } catch (const Error&) {
        return {}; // no log
    }
    return events;
}

} // namespace

std::vector<BoundPolicy> bound_to_prediction(const Policy& policy, const PredictionOptions& options,
                                             const Paths& paths, Tpm& tpm) {
    Policy boot = with_predicted_values(policy, options, paths, tpm, std::nullopt);
    const auto uki = std::ranges::find_if(policy.pcrs, has_open_uki_pcr);
    const auto phases =
        uki == policy.pcrs.end() || options.phases ? std::nullopt : present_phases(paths, tpm, uki->bank);
    if (!phases) {
        return {{std::move(boot), events_of(policy, options, paths)}};
    }
    return for_boot_and_later(std::move(boot), with_predicted_values(policy, options, paths, tpm, phases),
                              events_of(policy, options, paths));
}

std::map<PcrBank, PcrValues> predicted_values(const std::vector<PcrSelection>& selections,
                                              const PredictionOptions& options, const Paths& paths,
                                              Tpm& tpm) {
    std::map<PcrBank, PcrValues> values;
    for (const PcrSelection selection : selections) {
        for (const auto& [pcr, known] : predicted(options, paths, tpm, selection)) {
            if (known) {
                values[selection.bank].emplace(pcr, *known);
            }
        }
    }
    return values;
}

} // namespace sealmount
