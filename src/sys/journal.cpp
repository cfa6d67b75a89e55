// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sys/journal.hpp"

#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-daemon.h>
#include <systemd/sd-journal.h>

#include <cstdio>
#include <cstdlib>

namespace sealmount {

void log(const Level level, const std::string_view volume, const std::string& message) {
    const std::string name{volume};
    // The journal learns a sender's unit from its process, which may be gone by then. OBJECT_SYSTEMD_UNIT=
    // makes `journalctl -u` find the message all the same (systemd.journal-fields(7)).
    if (std::getenv("JOURNAL_STREAM") != nullptr &&
        ::sd_journal_send("MESSAGE=%s", message.c_str(), "PRIORITY=%i", static_cast<int>(level), "VOLUME=%s",
                          name.c_str(), "OBJECT_SYSTEMD_UNIT=sealmount-unlock@%s.service", name.c_str(),
                          nullptr) == 0) {
        return;
    }
    std::fprintf(stderr, "sealmount-unlock: %s: %s\n", name.c_str(), message.c_str());
}

void show_step(const std::string& step) {
    ::sd_notifyf(0, "STATUS=%s", step.c_str());
}

} // namespace sealmount
