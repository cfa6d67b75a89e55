// Events of the logs as text for people.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/events/event_log.hpp"
#include "core/events/measure_log.hpp"

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

/// The text that is `data`: UTF-16 or ASCII, with or without a NUL at the end; "" when it is neither.
[[nodiscard]] std::string text_in(BytesView data);

} // namespace sealmount
