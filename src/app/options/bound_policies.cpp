// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "app/options/bound_policies.hpp"

#include "app/output/hints.hpp"
#include "app/output/print.hpp"
#include "base/error.hpp"
#include "base/format.hpp"
#include "base/text.hpp"
#include "core/master/present_binding.hpp"

#include <algorithm>

namespace sealmount {

namespace {

/// What the options lead to in one state of grubenv: the policy with values for those literal PCRs that lack
/// one.
struct PredictedPolicy {
    std::string origin;
    BoundPolicy bound;
    std::string reasons; ///< a line for each PCR that cannot be predicted
};

void fill_in(PcrPolicy& literal, const PredictedBoot& boot, PredictedPolicy& predicted) {
    for (auto& [pcr, value] : literal.values) {
        if (!value.empty()) {
            continue;
        }
        if (const auto& known = boot.values.at(pcr)) {
            value = *known;
        } else {
            predicted.reasons += formatted("\n  PCR {}: {}", pcr, with_hint(known.error()));
        }
    }
    predicted.bound.events[literal.bank] = boot.marks;
}

std::vector<PredictedPolicy> predicted_policies(const Policy& policy, const PredictionOptions& options,
                                                const Paths& paths, Tpm& tpm,
                                                const std::optional<std::vector<std::string>>& phases) {
    PredictionOptions with_phases = options;
    if (phases) {
        with_phases.phases = join(*phases, ":");
    }
    std::vector<std::vector<PredictedBoot>> boots;
    std::size_t states = 1;
    for (const PcrPolicy& literal : policy.pcrs) {
        boots.push_back(predicted(with_phases, paths, tpm, literal.selection()));
        states = std::max(states, boots.back().size());
    }
    std::vector<PredictedPolicy> policies;
    for (std::size_t state = 0; state < states; ++state) {
        PredictedPolicy one{.origin = {}, .bound = {.policy = policy, .events = {}}, .reasons = {}};
        for (std::size_t at = 0; at < boots.size(); ++at) {
            const PredictedBoot& boot = boots[at][std::min(state, boots[at].size() - 1)];
            one.origin = boot.origin;
            fill_in(one.bound.policy.pcrs[at], boot, one);
        }
        policies.push_back(std::move(one));
    }
    return policies;
}

/// Nothing with a warning when this is another state than that of now; throws Error{unavailable} when it is
/// that.
bool is_predicted(const PredictedPolicy& predicted, const bool is_now) {
    if (predicted.reasons.empty()) {
        return true;
    }
    if (is_now) {
        throw Error{Reason::unavailable,
                    formatted("the next boot cannot be predicted:{}\nNothing was changed", predicted.reasons),
                    {.kind = AdviceKind::suspend_one_boot}};
    }
    print_warnings(
        {formatted("a boot that finds grubenv {} cannot be predicted, so there is no slot for it:{}",
                   predicted.origin, predicted.reasons)});
    return false;
}

void add_without_repetition(std::vector<BoundPolicy>& policies, std::vector<BoundPolicy> more) {
    for (BoundPolicy& one : more) {
        if (std::ranges::none_of(policies,
                                 [&](const BoundPolicy& other) { return other.policy == one.policy; })) {
            policies.push_back(std::move(one));
        }
    }
}

} // namespace

std::vector<BoundPolicy> bound_to_prediction(const Policy& policy, const PredictionOptions& options,
                                             const Paths& paths, Tpm& tpm) {
    const auto boots = predicted_policies(policy, options, paths, tpm, std::nullopt);
    (void)is_predicted(boots.front(), true);
    const auto uki = std::ranges::find_if(policy.pcrs, has_open_uki_pcr);
    const auto phases =
        uki == policy.pcrs.end() || options.phases ? std::nullopt : present_phases(paths, tpm, uki->bank);
    std::vector<PredictedPolicy> later;
    if (phases) {
        later = predicted_policies(policy, options, paths, tpm, phases);
        (void)is_predicted(later.front(), true);
    }
    std::vector<BoundPolicy> bound;
    for (std::size_t at = 0; at < boots.size(); ++at) {
        const bool is_now = at == 0;
        if (!is_predicted(boots[at], is_now)) {
            continue;
        }
        if (at >= later.size() || !is_predicted(later[at], is_now)) {
            add_without_repetition(bound, {boots[at].bound});
        } else {
            add_without_repetition(bound, for_boot_and_later(boots[at].bound.policy, later[at].bound.policy,
                                                             boots[at].bound.events));
        }
    }
    return bound;
}

std::vector<std::map<PcrBank, PcrValues>> predicted_values(const std::vector<PcrSelection>& selections,
                                                           const PredictionOptions& options,
                                                           const Paths& paths, Tpm& tpm) {
    std::vector<std::map<PcrBank, PcrValues>> states(1);
    for (const PcrSelection selection : selections) {
        const auto boots = predicted(options, paths, tpm, selection);
        states.resize(std::max(states.size(), boots.size()), states.back());
        for (std::size_t state = 0; state < states.size(); ++state) {
            for (const auto& [pcr, known] : boots[std::min(state, boots.size() - 1)].values) {
                if (known) {
                    states[state][selection.bank].emplace(pcr, *known);
                }
            }
        }
    }
    return states;
}

} // namespace sealmount
