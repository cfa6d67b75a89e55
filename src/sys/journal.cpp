// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sys/journal.hpp"

#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-daemon.h>
#include <systemd/sd-journal.h>

#include <cstdio>
#include <cstdlib>

namespace sealmount {

void log(const Level level, const std::string_view volume, const std::string& message) {
    if (std::getenv("JOURNAL_STREAM") != nullptr &&
        ::sd_journal_send("MESSAGE=%s", message.c_str(), "PRIORITY=%i", static_cast<int>(level),
                          "VOLUME=%.*s", static_cast<int>(volume.size()), volume.data(), nullptr) == 0) {
        return;
    }
    std::fprintf(stderr, "sealmount-unlock: %.*s: %s\n", static_cast<int>(volume.size()), volume.data(),
                 message.c_str());
}

void show_step(const std::string& step) {
    ::sd_notifyf(0, "STATUS=%s", step.c_str());
}

} // namespace sealmount
