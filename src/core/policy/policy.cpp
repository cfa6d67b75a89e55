// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/policy/policy.hpp"

#include "base/error.hpp"
#include "base/format.hpp"
#include "base/text.hpp"
#include "core/policy/pcr_signatures.hpp"
#include "core/policy/pcrlock_file.hpp"
#include "core/policy/policy_digest.hpp"
#include "sys/tpm/public_key.hpp"

#include <algorithm>

namespace sealmount {

namespace {

std::vector<std::byte> big_endian(const std::uint64_t value, const unsigned size) {
    std::vector<std::byte> bytes;
    for (unsigned left = size; left > 0; --left) {
        bytes.push_back(static_cast<std::byte>(value >> (8 * (left - 1)) & 0xffU));
    }
    return bytes;
}

std::vector<CounterStep> counter_steps(const Policy& policy) {
    const CounterStep no_restart{
        .offset = restart_count_offset, .operand = big_endian(0, 4), .comparison = Comparison::equal};
    std::vector<CounterStep> steps;
    if (policy.boot_window) {
        steps.push_back({.offset = time_offset,
                         .operand = big_endian(static_cast<std::uint64_t>(policy.boot_window->count()), 8),
                         .comparison = Comparison::unsigned_less});
        steps.push_back(no_restart);
    }
    if (policy.last_boot) {
        steps.push_back({.offset = reset_count_offset,
                         .operand = big_endian(*policy.last_boot, 4),
                         .comparison = Comparison::unsigned_less_or_equal});
    }
    if (policy.not_after_sleep && !policy.boot_window) {
        steps.push_back(no_restart);
    }
    return steps;
}

bool has_clock(const Policy& policy) {
    return policy.boot_window || policy.last_boot || policy.not_after_sleep;
}

std::string in_seconds(const std::chrono::milliseconds time) {
    return formatted("{} s", std::chrono::ceil<std::chrono::seconds>(time).count());
}

std::string no_bank(const PcrBank bank) {
    return formatted("the TPM keeps no PCRs of the bank {}", to_string(bank));
}

/// The values of a selection; empty when one of them is not there.
PcrValues selected(const SystemState& state, const PcrSelection selection) {
    PcrValues values;
    const auto bank = state.pcrs.find(selection.bank);
    for (unsigned pcr = 0; pcr < pcr_count; ++pcr) {
        if ((selection.mask >> pcr & 1U) == 0) {
            continue;
        }
        if (bank == state.pcrs.end() || !bank->second.contains(pcr)) {
            return {};
        }
        values.emplace(pcr, bank->second.at(pcr));
    }
    return values;
}

std::string describe(const PcrlockMismatch& mismatch) {
    return formatted("PCR {} ({}) has a value that it does not allow, {}; allowed: {}", mismatch.pcr,
                     pcr_meaning(mismatch.pcr), mismatch.found.empty() ? "none" : mismatch.found,
                     join(mismatch.allowed, " "));
}

/// Goes through the conditions; collects steps, and what is not satisfied.
class Planner {
  public:
    Planner(const SystemState& state, const PolicyFileReader& files) : state_(state), files_(files) {}

    void signed_pcrs(const SignedPcrs& wanted) {
        const PcrValues present = selected(state_, wanted.selection);
        if (present.empty()) {
            add_no_bank(wanted.selection.bank);
            return;
        }
        const auto text = contents_of(wanted.file);
        if (!text) {
            return;
        }
        const PolicyDigest digest = after_pcr(fresh_policy(), wanted.selection, present);
        try {
            const auto step = PcrSignatures{*text}.find(wanted.selection, wanted.public_key, digest);
            if (!step) {
                const Problem& lack = step.error().problem;
                add(formatted("{}: {}", wanted.file, lack.message), lack.advice);
                return;
            }
            steps_.emplace_back(PcrStep{wanted.selection});
            steps_.emplace_back(*step);
        } catch (const Error& error) {
            add(error.in(wanted.file));
        }
    }

    void pcrlock(const PcrlockPcrs& wanted) {
        const auto text = contents_of(wanted.file);
        if (!text) {
            return;
        }
        try {
            const PcrlockFile file = read_pcrlock(*text);
            if (file.nv.index != wanted.nv_index || file.nv.written_name != wanted.nv_name) {
                add(formatted(
                        "{}: is about another NV index of the TPM than the one that the slot was sealed to",
                        wanted.file),
                    {AdviceKind::reseal_to_pcrlock});
                return;
            }
            const auto bank = state_.pcrs.find(file.bank);
            auto steps = pcrlock_steps(file, bank == state_.pcrs.end() ? PcrValues{} : bank->second);
            if (!steps) {
                for (const PcrlockMismatch& mismatch : steps.error()) {
                    add(formatted("{}: {}", wanted.file, describe(mismatch)), {AdviceKind::update_pcrlock});
                }
                return;
            }
            steps_.insert(steps_.end(), steps->begin(), steps->end());
        } catch (const Error& error) {
            add(error.in(wanted.file));
        }
    }

    void literal(const PcrPolicy& wanted) {
        const auto bank = state_.pcrs.find(wanted.bank);
        if (bank == state_.pcrs.end()) {
            add_no_bank(wanted.bank);
            return;
        }
        const auto mismatches = compare(wanted, bank->second);
        problem_.mismatches.insert(problem_.mismatches.end(), mismatches.begin(), mismatches.end());
        steps_.emplace_back(PcrStep{wanted.selection()});
    }

    void clock(const Policy& policy) {
        if (!has_clock(policy)) {
            return;
        }
        const TpmClock& now = state_.clock.value();
        if (policy.boot_window && now.time >= *policy.boot_window) {
            add(formatted(
                "its boot window of {} is over: the TPM was switched on {} ago and gives the master key "
                "again after a restart",
                in_seconds(*policy.boot_window), in_seconds(now.time)));
        }
        if (policy.boot_window && now.restart_count != 0) {
            add("its boot window is over: the machine has been suspended since it was switched on");
        }
        if (policy.last_boot && now.reset_count > *policy.last_boot) {
            add(formatted(
                "it was made for boots that are over (TPM reset {} was its last, this is number {})",
                *policy.last_boot, now.reset_count));
        }
        if (policy.not_after_sleep && now.restart_count != 0) {
            add("it was made for boots without sleep: the machine has been suspended since it was switched "
                "on");
        }
        for (CounterStep& step : counter_steps(policy)) {
            steps_.emplace_back(std::move(step));
        }
    }

    std::expected<PolicySteps, PolicyProblem> end(const bool pin) {
        if (!problem_.mismatches.empty() || !problem_.reasons.empty()) {
            return std::unexpected{std::move(problem_)};
        }
        if (pin) {
            steps_.emplace_back(PasswordStep{});
        }
        return std::move(steps_);
    }

  private:
    void add(std::string message, Advice advice = {}) {
        problem_.reasons.push_back({.message = std::move(message), .advice = std::move(advice)});
    }
    void add(const Error& error) { add(error.what(), error.advice()); }
    void add_no_bank(const PcrBank bank) { add(no_bank(bank)); }

    /// Of a file that a policy names; nothing when it cannot be read, which is noted.
    std::optional<std::string> contents_of(const std::string& file) {
        try {
            return files_(file);
        } catch (const Error& error) {
            add(error);
            return std::nullopt;
        }
    }

    const SystemState& state_;
    const PolicyFileReader& files_;
    PolicySteps steps_;
    PolicyProblem problem_;
};

} // namespace

bool Policy::is_empty() const {
    return *this == Policy{};
}

void add_needs(const Policy& policy, const PolicyFileReader& files, PolicyNeeds& needs) {
    const auto add = [&](const PcrSelection selection) { needs.pcrs[selection.bank] |= selection.mask; };
    if (policy.signed_pcrs) {
        add(policy.signed_pcrs->selection);
    }
    if (policy.pcrlock) {
        try {
            add(read_pcrlock(files(policy.pcrlock->file)).selection());
        } catch (const Error&) { // NOLINT(bugprone-empty-catch): plan() says it
        }
    }
    for (const PcrPolicy& literal : policy.pcrs) {
        add(literal.selection());
    }
    needs.clock = needs.clock || has_clock(policy);
}

SystemState read_state(Tpm& tpm, const PolicyNeeds& needs) {
    SystemState state;
    bool is_first = true;
    for (const auto& [bank, mask] : needs.pcrs) {
        PcrReading reading = tpm.read_pcrs({bank, mask});
        if (std::exchange(is_first, false)) {
            state.pcr_update_counter = reading.update_counter;
        }
        if (!reading.values.empty()) {
            state.pcrs.emplace(bank, std::move(reading.values));
        }
    }
    if (needs.clock) {
        state.clock = tpm.clock();
    }
    return state;
}

PolicyDigest policy_digest(const Policy& policy) {
    PolicyDigest digest = fresh_policy();
    if (policy.signed_pcrs) {
        digest = after_authorize(key_name(policy.signed_pcrs->public_key));
    }
    if (policy.pcrlock) {
        digest = after_authorize_nv(policy.pcrlock->nv_name);
    }
    for (const PcrPolicy& literal : policy.pcrs) {
        digest = after_pcr(digest, literal.selection(), literal.values);
    }
    for (const CounterStep& step : counter_steps(policy)) {
        digest = after_counter(digest, step);
    }
    return policy.pin ? after_password(digest) : digest;
}

std::expected<PolicySteps, PolicyProblem> plan(const Policy& policy, const SystemState& state,
                                               const PolicyFileReader& files) {
    Planner planner{state, files};
    if (policy.signed_pcrs) {
        planner.signed_pcrs(*policy.signed_pcrs);
    }
    if (policy.pcrlock) {
        planner.pcrlock(*policy.pcrlock);
    }
    for (const PcrPolicy& literal : policy.pcrs) {
        planner.literal(literal);
    }
    planner.clock(policy);
    return planner.end(policy.pin);
}

Policy filled_in(Policy policy, const SystemState& state) {
    for (PcrPolicy& literal : policy.pcrs) {
        const auto bank = state.pcrs.find(literal.bank);
        for (auto& [pcr, value] : literal.values) {
            if (!value.empty()) {
                continue;
            }
            if (bank == state.pcrs.end() || !bank->second.contains(pcr)) {
                throw Error{Reason::unavailable, no_bank(literal.bank), {AdviceKind::list_pcr_banks}};
            }
            value = bank->second.at(pcr);
        }
    }
    return policy;
}

Policy without_values(Policy policy) {
    for (PcrPolicy& literal : policy.pcrs) {
        for (auto& [pcr, value] : literal.values) {
            value.clear();
        }
    }
    return policy;
}

bool same_shape(const Policy& one, const Policy& other) {
    return without_values(one) == without_values(other);
}

std::string weakness_of(const Policy& policy) {
    if (policy.is_empty()) {
        return "its policy is empty: whoever has the machine gets the key, whatever they boot on it";
    }
    return policy.last_boot
               ? "the policy is suspended: until it is resumed, the machine may be changed without the TPM "
                 "noticing"
               : "";
}

std::string describe(const Policy& policy) {
    std::vector<std::string> parts;
    const auto pcrs = [](const PcrSelection selection) {
        return formatted("PCR {} ({})", pcr_numbers(selection.mask), to_string(selection.bank));
    };
    if (policy.signed_pcrs) {
        parts.push_back(formatted("signed values of {} in {}", pcrs(policy.signed_pcrs->selection),
                                  policy.signed_pcrs->file));
    }
    if (policy.pcrlock) {
        parts.push_back("systemd-pcrlock, " + policy.pcrlock->file);
    }
    for (const PcrPolicy& literal : policy.pcrs) {
        parts.push_back(pcrs(literal.selection()));
    }
    if (policy.boot_window) {
        parts.push_back("boot window of " + in_seconds(*policy.boot_window));
    }
    if (policy.last_boot) {
        parts.push_back(formatted("until TPM reset {}{}", *policy.last_boot,
                                  policy.not_after_sleep ? ", not after sleep" : ""));
    }
    if (policy.pin) {
        parts.emplace_back("PIN");
    }
    return parts.empty() ? "no condition: anybody who has the machine opens it" : join(parts);
}

} // namespace sealmount
