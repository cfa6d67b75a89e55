// PCR policies as values: which PCRs, what they held, which digest that makes, what differs now.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "base/strict_json.hpp"
#include "sys/tpm/pcr.hpp"
#include "sys/tpm/pcr_bank.hpp"
#include "sys/tpm/pcr_registry.hpp"
#include "sys/tpm/tpm.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace sealmount {

/// Literal PCR values of one bank. An empty value is one that has not been chosen yet.
struct PcrPolicy {
    PcrBank bank = PcrBank::sha256;
    PcrValues values;

    [[nodiscard]] PcrSelection selection() const;
    bool operator==(const PcrPolicy&) const = default;
};

/// A PCR that does not hold what the policy requires.
struct PcrMismatch {
    PcrBank bank;
    unsigned pcr;
    std::string expected; ///< hex
    std::string found;    ///< hex; "" when it was not read
};

/// Reads "7", "7+11", "4+secure-boot-policy:sha256": PCRs 0 to 23 by number or by systemd's name
/// (systemd-cryptenroll(1), --tpm2-pcrs=), each once, all of one bank. Throws Error{usage} with what is
/// wrong.
[[nodiscard]] PcrSelection parse_pcr_selection(std::string_view text);

/// The same of several banks, with or without values: "4:sha256=HEX+7:sha1". What has no bank takes the next
/// one to its right, or else sha256. In ascending order of the banks; a PCR without a value has an empty one.
[[nodiscard]] std::vector<PcrPolicy> parse_pcr_values(std::string_view text);
/// The numbers in ascending order: "7+11".
[[nodiscard]] std::string pcr_numbers(PcrMask mask);
/// The notation of parse_pcr_selection(): "7+11:sha256".
[[nodiscard]] std::string to_string(PcrSelection selection);

/// The policyDigest after TPM2_PolicyPCR over these values in a fresh session (TPM 2.0 Part 3, 23.7), nameAlg
/// SHA-256.
[[nodiscard]] PolicyDigest policy_digest(const PcrPolicy& policy);

/// The PCRs whose present value is not the recorded one, ascending; empty when the policy is satisfied. A PCR
/// that `present` lacks counts as a mismatch with an empty value.
[[nodiscard]] std::vector<PcrMismatch> compare(const PcrPolicy& policy, const PcrValues& present);

/// "PCR 7 (Secure Boot policy, sha256) expected 01..., found 02..."
[[nodiscard]] std::string describe(const PcrMismatch& mismatch);

/// An object with the members "bank" and "values".
[[nodiscard]] Json to_json(const PcrPolicy& policy);
/// Reads those members. Throws Error{config}, beginning with the path.
[[nodiscard]] PcrPolicy read_pcr_policy(ObjectReader& reader);
/// The bank of that name; fails with the place.
[[nodiscard]] PcrBank read_pcr_bank(ObjectReader& reader, std::string_view member);

} // namespace sealmount
