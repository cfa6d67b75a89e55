// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/grub/grub_comparison.hpp"

#include "base/error.hpp"
#include "base/format.hpp"
#include "base/text.hpp"
#include "sys/tpm/pcr_bank.hpp"

#include <algorithm>

namespace sealmount {

namespace {

std::string logged_text(const LogEvent& event) {
    const std::string text{reinterpret_cast<const char*>(event.data.data()), event.data.size()};
    return printable(std::string_view{text}.substr(0, text.find('\0')));
}

} // namespace

std::optional<GrubDifference> first_difference(const GrubBoot& boot, const GrubMachine& machine,
                                               const EventLog& log, const unsigned pcr, const PcrBank bank) {
    if (std::ranges::find(log.banks, bank) == log.banks.end()) {
        throw Error{Reason::unavailable, formatted("{}: it has no {} digests", log.file, to_string(bank))};
    }
    auto logged = log.events.begin();
    const auto find_logged = [&] {
        logged = std::find_if(logged, log.events.end(), [pcr](const LogEvent& event) {
            return event.pcr == pcr && event.is_measured();
        });
    };
    GrubDifference difference;
    for (const GrubEvent& event : boot.events) {
        if (event.pcr != pcr) {
            continue;
        }
        find_logged();
        if (logged != log.events.end() && logged->digests.at(bank) == digest(event, machine, bank)) {
            ++logged;
            continue;
        }
        difference.computed = log_text(event);
        difference.place = event.place;
        break;
    }
    find_logged();
    const auto unknown = boot.unknown.find(pcr);
    if (difference.computed.empty() && unknown != boot.unknown.end()) {
        difference.place = unknown->second.place;
        difference.reason = unknown->second.reason;
    } else if (difference.computed.empty() && logged == log.events.end()) {
        return std::nullopt;
    }
    if (logged != log.events.end()) {
        difference.number = logged->number;
        difference.logged = logged_text(*logged);
    }
    return difference;
}

} // namespace sealmount
