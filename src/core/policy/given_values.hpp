// PCR values that a person or `sealmount predict` gives, for states that this machine is not in.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "sys/crypto/crypto.hpp"
#include "sys/tpm/pcr.hpp"

#include <optional>
#include <set>
#include <string_view>
#include <utility>

namespace sealmount {

/// "11=HEX": a PCR and its value in this bank. Throws Error{usage} with what is wrong.
[[nodiscard]] std::pair<unsigned, Bytes> parse_pcr_value(std::string_view text, PcrBank bank);

/// What `sealmount predict --json` says of the next boot.
struct NextValues {
    PcrBank bank = PcrBank::sha256;
    PcrValues values;
    std::set<unsigned> unknown; ///< named in it, but without a value
};

/// Reads an object with "bank" and "pcrs", a list of objects with "pcr" and "next", hex or null; members
/// that are for people are ignored. Throws Error{config}, beginning with the place.
[[nodiscard]] NextValues read_next_values(std::string_view text);

} // namespace sealmount
