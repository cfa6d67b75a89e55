// systemd's log of what it measures into PCRs after the firmware, /run/log/systemd/tpm2-measure.log.
//
// Source: systemd 257, src/shared/tpm2-util.c, tpm2_userspace_log(): RFC 7464 JSON text sequences of records
// of the TCG Canonical Event Log Format. systemd 252 writes none.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/events/event_log.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace sealmount {

struct MeasureEvent {
    unsigned number = 0; ///< from 1, in the order of the log
    unsigned pcr = 0;
    BankDigests digests;
    std::string kind;   ///< "phase", "filesystem", "machine-id", ...; "" when it is not given
    std::string string; ///< what was measured, as systemd describes it; for a phase the measured text itself
};

struct MeasureLog {
    std::string file; ///< where it came from, for messages
    std::vector<MeasureEvent> events;
};

/// Members other than those above, and records that are not about a PCR, are ignored: the format is
/// systemd's, and it grows. Throws Error{bad_data} naming `file` and the record when a record is not JSON, or
/// its PCR or digests make no sense.
[[nodiscard]] MeasureLog parse_measure_log(std::string_view text, const std::string& file);

} // namespace sealmount
