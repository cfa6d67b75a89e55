// The voice of the unlock service: journal and service manager.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>
#include <string_view>

namespace sealmount {

enum class Level { error = 3, warning = 4, notice = 5, info = 6 };

/// One line, with the field VOLUME=, to the journal when the service manager connected us to it
/// (sd-daemon(3), JOURNAL_STREAM), else to standard error.
void log(Level level, std::string_view volume, const std::string& message);

/// The step that `systemctl status` shows (sd_notify(3) STATUS=).
void show_step(const std::string& step);

} // namespace sealmount
