// Where the logs of a boot are read from.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/events/event_log.hpp"
#include "core/events/measure_log.hpp"
#include "core/volume/paths.hpp"

#include <optional>
#include <string>

namespace sealmount {

/// The firmware's log from `file`, or where it is "", from the kernel's /sys/kernel/security/tpm0/
/// binary_bios_measurements below the root. Throws Error{unavailable} when the kernel has none, and whatever
/// parse_event_log() and read_trusted_file() throw.
[[nodiscard]] EventLog read_event_log(const std::string& file, const Paths& paths);

/// systemd's log from `file`, or where it is "", from /run/log/systemd/tpm2-measure.log below the root;
/// nothing when systemd wrote none. Throws Error{try_later} when a write to it was begun and not finished
/// (its sticky bit, systemd 257, src/shared/tpm2-util.c).
[[nodiscard]] std::optional<MeasureLog> read_measure_log(const std::string& file, const Paths& paths);

} // namespace sealmount
