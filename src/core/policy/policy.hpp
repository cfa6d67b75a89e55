// Policies: what must be true of the machine for the TPM to release a master key. One value holds all
// conditions of a slot; from it come the digest to seal to, the steps of a session, and, when it does not
// hold, what differs.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "base/advice.hpp"
#include "core/policy/pcr_policy.hpp"
#include "sys/tpm/policy_step.hpp"
#include "sys/tpm/tpm.hpp"

#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace sealmount {

/// PCR values that the owner of a key has signed, in a file that systemd-measure(1) or `sealmount
/// sign-policy` writes.
struct SignedPcrs {
    PcrSelection selection;
    std::vector<std::byte> public_key; ///< SubjectPublicKeyInfo, DER
    std::string file;                  ///< the signatures; absolute

    bool operator==(const SignedPcrs&) const = default;
};

/// PCR values that systemd-pcrlock(8) keeps in an NV index of the TPM.
struct PcrlockPcrs {
    std::string file; ///< pcrlock.json; absolute
    std::uint32_t nv_index = 0;
    TpmName nv_name; ///< pins the index: another one of that number is not the one that was sealed to

    bool operator==(const PcrlockPcrs&) const = default;
};

/// All of it must hold. A session goes through it in this order, which is systemd's.
struct Policy {
    std::optional<SignedPcrs> signed_pcrs;
    std::optional<PcrlockPcrs> pcrlock; ///< not together with signed_pcrs
    std::vector<PcrPolicy> pcrs;        ///< literal values; one element per bank, each with a value
    /// The TPM was switched on less than so long ago, and has not been suspended since.
    std::optional<std::chrono::milliseconds> boot_window;
    /// The TPM's count of resets is at most this: the slot ends by itself, in every copy.
    std::optional<std::uint32_t> last_boot;
    /// With last_boot: and it has not been suspended since. The count of resets stands still while a machine
    /// only sleeps, so sleeping would prolong the slot. Slots of 0.1.0 lack this.
    bool not_after_sleep = false;
    bool pin = false; ///< and somebody types the PIN

    /// Satisfied in any state of the machine, by anybody who has the machine.
    [[nodiscard]] bool is_empty() const;
    bool operator==(const Policy&) const = default;
};

/// What the TPM is asked before a policy is evaluated.
struct PolicyNeeds {
    std::map<PcrBank, PcrMask> pcrs;
    bool clock = false;
};

/// The present state, as far as it was asked for.
struct SystemState {
    std::map<PcrBank, PcrValues> pcrs;
    std::optional<TpmClock> clock;
    std::uint32_t pcr_update_counter = 0; ///< before the first value was read: TPM 2.0 Part 3, 22.4
};

/// Reads a file that a policy names (signatures, pcrlock.json), given as the policy has it. Throws Error,
/// whose message names the file.
using PolicyFileReader = std::function<std::string(const std::string& file)>;

/// Why a policy does not hold.
struct PolicyProblem {
    std::vector<PcrMismatch> mismatches;
    std::vector<Problem> reasons; ///< what is not about literal PCR values
};

/// What the TPM must be asked to evaluate this policy; added to `needs`. A file that cannot be read adds
/// nothing: plan() says why.
void add_needs(const Policy& policy, const PolicyFileReader& files, PolicyNeeds& needs);

/// Asks it: TPM2_PCR_Read for each bank and TPM2_ReadClock where it is needed. A bank that the TPM does not
/// keep has no values.
[[nodiscard]] SystemState read_state(Tpm& tpm, const PolicyNeeds& needs);

/// The digest that an object is sealed to.
[[nodiscard]] PolicyDigest policy_digest(const Policy& policy);

/// The steps that satisfy the policy in this state, or why nothing does.
[[nodiscard]] std::expected<PolicySteps, PolicyProblem> plan(const Policy& policy, const SystemState& state,
                                                             const PolicyFileReader& files);

/// Gives the literal PCRs that have no value yet that of `state`. Throws Error{unavailable} when the TPM does
/// not keep the bank.
[[nodiscard]] Policy filled_in(Policy policy, const SystemState& state);
/// The policy with its literal PCRs, but without their values.
[[nodiscard]] Policy without_values(Policy policy);

/// Are these the same except for the literal values?
[[nodiscard]] bool same_shape(const Policy& one, const Policy& other);

/// What people should know as long as there is a slot with this policy, without a full stop; "" when there is
/// nothing.
[[nodiscard]] std::string weakness_of(const Policy& policy);

/// For people: "PCR 4+7+9 (sha256), boot window of 120 s".
[[nodiscard]] std::string describe(const Policy& policy);

} // namespace sealmount
