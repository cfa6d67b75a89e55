// PCR policies as values: which PCRs, what they held, which digest that makes, what differs now.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "base/strict_json.hpp"
#include "sys/pcr.hpp"
#include "sys/tpm.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace sealmount {

/// A literal PCR policy with every value that it was made of.
struct PcrPolicy {
    PcrBank bank = PcrBank::sha256;
    PcrValues values;

    [[nodiscard]] PcrSelection selection() const;
    bool operator==(const PcrPolicy&) const = default;
};

/// A PCR that does not hold what the policy wants.
struct PcrMismatch {
    unsigned pcr;
    std::string expected; ///< hex
    std::string found;    ///< hex
};

/// Reads "7", "7+11", "7+11:sha256"; PCRs 0 to 23, each once. Throws Error{usage} with what is wrong.
[[nodiscard]] PcrSelection parse_pcr_selection(std::string_view text);
/// The same notation back: "7+11:sha256".
[[nodiscard]] std::string to_string(PcrSelection selection);
[[nodiscard]] std::string_view to_string(PcrBank bank);

/// The policyDigest after TPM2_PolicyPCR over these values in a fresh session (TPM 2.0 Part 3, 23.7), nameAlg
/// SHA-256.
[[nodiscard]] PolicyDigest policy_digest(const PcrPolicy& policy);

/// The PCRs whose present value is not the recorded one, ascending; empty when the policy is satisfied. A PCR
/// that `present` lacks counts as a mismatch with an empty value.
[[nodiscard]] std::vector<PcrMismatch> compare(const PcrPolicy& policy, const PcrValues& present);

/// What is measured into this PCR, for people, e.g. "Secure Boot policy" (UAPI.7 Linux TPM PCR Registry).
[[nodiscard]] std::string_view pcr_meaning(unsigned pcr);

[[nodiscard]] Json to_json(const PcrPolicy& policy);
/// Throws Error{config}, beginning with the path.
[[nodiscard]] PcrPolicy pcr_policy_from_json(const Json& value, const std::string& path);

} // namespace sealmount
