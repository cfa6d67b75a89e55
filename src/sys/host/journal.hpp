// What the services report, to journal and service manager.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sealmount {

enum class Level { error = 3, warning = 4, notice = 5, info = 6 };

/// Journal fields, NAME (systemd.journal-fields(7)) and value; a name may come more than once.
using JournalFields = std::vector<std::pair<std::string_view, std::string>>;

/// One message about a volume's unlock, to the journal with its fields when the service manager connected us
/// to it (sd-daemon(3), JOURNAL_STREAM), else the message alone to standard error.
void log(Level level, std::string_view volume, const std::string& message, const JournalFields& fields = {});

/// One message for the journal alone, whoever called us: what people should find there later.
void record(Level level, const std::string& message, const JournalFields& fields = {});

/// The step that `systemctl status` shows (sd_notify(3) STATUS=).
void show_step(const std::string& step);

} // namespace sealmount
