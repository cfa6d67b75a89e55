// Has the interpreter reproduced what the firmware logged of this boot? Only then is its word on the next
// boot worth something.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/events/event_log.hpp"
#include "core/grub/grub_boot.hpp"

#include <optional>
#include <string>

namespace sealmount {

/// Where a PCR's events part from the log.
struct GrubDifference {
    unsigned number = 0;    ///< of the event in the log; 0 when the log has no more of them
    std::string logged{};   ///< how the log describes it; "" when it has no more
    std::string computed{}; ///< what was to come; "" when nothing was
    GrubPlace place{};      ///< where in the script that came from
    std::string reason{};   ///< why nothing is known of what comes here; "" when it is known, and differs
};

/// Event by event, by their digests of that bank. Nothing when all of the PCR's events in the log are there,
/// in their order, and no others. Throws Error{unavailable} when the log has no digests of the bank.
[[nodiscard]] std::optional<GrubDifference> first_difference(const GrubBoot& boot, const GrubMachine& machine,
                                                             const EventLog& log, unsigned pcr, PcrBank bank);

} // namespace sealmount
