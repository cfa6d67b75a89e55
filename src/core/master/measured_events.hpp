// Which events made the PCRs that a slot was sealed to: so that a refusal can name the ones that differ.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "sys/tpm/pcr.hpp"

#include <map>
#include <string>
#include <vector>

namespace sealmount {

/// For each PCR of a bank, in their order, the first eight bytes of each event's digest in hex: enough to
/// know an event again, and nothing depends on it.
using MeasuredEvents = std::map<PcrBank, std::map<unsigned, std::vector<std::string>>>;

/// The hex digits of one.
inline constexpr std::size_t event_mark_digits = 16;

} // namespace sealmount
