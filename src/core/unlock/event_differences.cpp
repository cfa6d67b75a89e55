// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/unlock/event_differences.hpp"

#include "base/error.hpp"
#include "base/format.hpp"
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

/// The events of one PCR, compared with those that the slot was sealed to, each counted as often as it
/// occurs.
void compare_events(const EventLog& log, const unsigned slot, const PcrMismatch& mismatch,
                    std::vector<std::string> expected, std::vector<Problem>& problems) {
    const std::string place = formatted("slot {}: PCR {}: ", slot, mismatch.pcr);
    for (const LogEvent& event : log.events) {
        if (event.pcr != mismatch.pcr || !event.is_measured()) {
            continue;
        }
        const auto known = std::ranges::find(expected, mark_of(event, mismatch.bank));
        if (known != expected.end()) {
            expected.erase(known);
        } else {
            problems.push_back(
                {.message = formatted("{}event {}, {}, is new or was another: {}", place, event.number,
                                      event_type_name(event.type), describe(event))});
        }
    }
    if (!expected.empty()) {
        problems.push_back(
            {.message = formatted("{}{} that it was sealed to {} missing", place,
                                  expected.size() == 1 ? "1 event" : formatted("{} events", expected.size()),
                                  expected.size() == 1 ? "is" : "are"),
             .advice = {AdviceKind::show_events, formatted("{}", mismatch.pcr)}});
    }
}

} // namespace

std::vector<Problem> differing_events(const MasterRefusal& refusal, const Paths& paths) {
    std::vector<Problem> problems;
    try {
        const EventLog log = read_event_log("", paths);
        for (const SlotRefusal& slot : refusal.slots) {
            for (const PcrMismatch& mismatch : slot.mismatches) {
                const auto bank = slot.events.find(mismatch.bank);
                if (bank != slot.events.end() && bank->second.contains(mismatch.pcr)) {
                    compare_events(log, slot.slot, mismatch, bank->second.at(mismatch.pcr), problems);
                }
            }
        }
    } catch (const std::exception&) {
        return {}; // the refusal is explained without the events, then
    }
    return problems;
}

} // namespace sealmount
