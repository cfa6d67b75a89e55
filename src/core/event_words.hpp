// Events of the logs as a person wants to read them.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/event_log.hpp"
#include "core/measure_log.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace sealmount {

/// The type's name in the TCG PC Client Platform Firmware Profile 1.05, 10.4.1, such as "EV_SEPARATOR", or
/// its number in hex.
[[nodiscard]] std::string event_type_name(EventType type);

/// What the event is, in one line without control characters: a boot variable by its name, an image by its
/// device path, certificates by their subjects, texts as they are.
[[nodiscard]] std::string describe(const LogEvent& event);
[[nodiscard]] std::string describe(const MeasureEvent& event);

/// The events that were measured into one PCR, in their order, one short line each: "event 12, EV_IPL: ...".
/// For refusals that say what a PCR is made of. `systemd` is null where there is no such log.
[[nodiscard]] std::vector<std::string> events_of_pcr(const EventLog& firmware, const MeasureLog* systemd,
                                                     unsigned pcr);

/// The text that is `data`: UTF-16 or ASCII, with or without a NUL at the end; "" when it is neither.
[[nodiscard]] std::string text_in(BytesView data);

/// `text` with control characters and whatever is no UTF-8 replaced by "?", for terminals and JSON.
[[nodiscard]] std::string printable(std::string_view text);

} // namespace sealmount
