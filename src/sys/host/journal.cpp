// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/host/journal.hpp"

#include "base/format.hpp"

#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-daemon.h>
#include <systemd/sd-journal.h>

#include <sys/uio.h>

#include <cstdio>
#include <cstdlib>

namespace sealmount {

namespace {

/// Did the journal take it?
bool send(const Level level, const std::string& message, const JournalFields& fields) {
    std::vector<std::string> lines = {"MESSAGE=" + message,
                                      formatted("PRIORITY={}", static_cast<int>(level))};
    for (const auto& [field, value] : fields) {
        lines.push_back(formatted("{}={}", field, value));
    }
    std::vector<::iovec> parts;
    for (std::string& line : lines) {
        parts.push_back({.iov_base = line.data(), .iov_len = line.size()});
    }
    return ::sd_journal_sendv(parts.data(), static_cast<int>(parts.size())) == 0;
}

bool is_service() {
    return std::getenv("JOURNAL_STREAM") != nullptr;
}

} // namespace

void log(const Level level, const std::string_view volume, const std::string& message,
         const JournalFields& fields) {
    const std::string name{volume};
    if (is_service()) {
        JournalFields all = {{"VOLUME", name}};
        all.insert(all.end(), fields.begin(), fields.end());
        if (send(level, message, all)) {
            return;
        }
    }
    std::fprintf(stderr, "sealmount-unlock: %s: %s\n", name.c_str(), message.c_str());
}

void record(const Level level, const std::string& message, const JournalFields& fields) {
    if (!send(level, message, fields) && is_service()) {
        std::fprintf(stderr, "sealmount: %s\n", message.c_str());
    }
}

void show_step(const std::string& step) {
    ::sd_notifyf(0, "STATUS=%s", step.c_str());
}

} // namespace sealmount
