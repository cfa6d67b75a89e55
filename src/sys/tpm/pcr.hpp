// PCRs as values: masks, banks, selections and what they held.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

namespace sealmount {

/// The number of PCRs of a PC client TPM (TCG PC Client Platform TPM Profile, 4.6).
inline constexpr unsigned pcr_count = 24;

/// Bit n set: PCR n.
using PcrMask = std::uint32_t;

/// Hash algorithms that a TPM may keep PCRs in; the value is the TPM_ALG_ID (TPM 2.0 Part 2, 6.3).
enum class PcrBank : std::uint16_t { sha1 = 0x0004, sha256 = 0x000b, sha384 = 0x000c, sha512 = 0x000d };

/// PCRs of one bank.
struct PcrSelection {
    PcrBank bank = PcrBank::sha256;
    PcrMask mask = 0;

    bool operator==(const PcrSelection&) const = default;
};

/// PCR number to its value, in ascending order as TPM2_PolicyPCR hashes them.
using PcrValues = std::map<unsigned, std::vector<std::byte>>;

/// One reading of PCRs.
struct PcrReading {
    PcrValues values;
    std::uint32_t update_counter = 0; ///< grows with every extension that a policy session would notice
};

} // namespace sealmount
