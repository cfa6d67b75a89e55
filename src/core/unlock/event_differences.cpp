// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/unlock/event_differences.hpp"

#include "base/error.hpp"
#include "base/hex.hpp"
#include "core/events/event_text.hpp"
#include "core/events/log_files.hpp"

#include <algorithm>

namespace sealmount {

namespace {

std::string mark_of(const LogEvent& event, const PcrBank bank) {
    const auto digest = event.digests.find(bank);
    return digest == event.digests.end() ? "" : to_hex(digest->second).substr(0, event_mark_digits);
}

/// The events of one PCR, compared with those of then. An event that comes twice is told twice.
void compare_events(const EventLog& log, const PcrMismatch& mismatch, std::vector<std::string> expected,
                    const std::string& place, std::vector<std::string>& lines) {
    for (const LogEvent& event : log.events) {
        if (event.pcr != mismatch.pcr || !event.is_measured()) {
            continue;
        }
        const auto known = std::ranges::find(expected, mark_of(event, mismatch.bank));
        if (known != expected.end()) {
            expected.erase(known);
        } else {
            lines.push_back(place + "event " + std::to_string(event.number) + ", " +
                            event_type_name(event.type) + ", is new or was another: " + describe(event));
        }
    }
    if (!expected.empty()) {
        lines.push_back(
            place + std::to_string(expected.size()) +
            (expected.size() == 1 ? " event that it was sealed to is" : " events that it was sealed to are") +
            " not there; 'sealmount events --pcr " + std::to_string(mismatch.pcr) + "' shows what is");
    }
}

} // namespace

std::vector<std::string> differing_events(const MasterRefusal& refusal, const Paths& paths) {
    std::vector<std::string> lines;
    try {
        const EventLog log = read_event_log("", paths);
        for (const SlotRefusal& slot : refusal.slots) {
            for (const PcrMismatch& mismatch : slot.mismatches) {
                const auto bank = slot.events.find(mismatch.bank);
                if (bank != slot.events.end() && bank->second.contains(mismatch.pcr)) {
                    compare_events(log, mismatch, bank->second.at(mismatch.pcr),
                                   "slot " + std::to_string(slot.slot) + ": PCR " +
                                       std::to_string(mismatch.pcr) + ": ",
                                   lines);
                }
            }
        }
    } catch (const Error&) {
        return {}; // a lesson less
    }
    return lines;
}

} // namespace sealmount
