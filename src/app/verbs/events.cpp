// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "app/output/print.hpp"
#include "app/verbs/verbs.hpp"
#include "base/error.hpp"
#include "base/format.hpp"
#include "base/hex.hpp"
#include "base/strict_json.hpp"
#include "base/text.hpp"
#include "core/events/event_text.hpp"
#include "core/events/log_files.hpp"
#include "core/events/pcr_replay.hpp"
#include "core/policy/pcr_policy.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>
#include <span>

namespace sealmount {

namespace {

struct EventsOptions {
    std::string log;
    std::string systemd_log;
    std::vector<unsigned> pcrs;
};

/// Everything that was read.
struct Boot {
    EventLog firmware;
    std::optional<MeasureLog> systemd;
    PcrBank bank{};
    std::optional<PcrValues> present;
    std::string why_not; ///< the TPM was not asked

    [[nodiscard]] const MeasureLog* systemd_log() const { return systemd ? &*systemd : nullptr; }
    [[nodiscard]] std::span<const MeasureEvent> systemd_events() const {
        return systemd ? std::span<const MeasureEvent>{systemd->events} : std::span<const MeasureEvent>{};
    }
    [[nodiscard]] LoggedBoot logged() const {
        return {firmware, systemd_log(), bank, present ? &*present : nullptr};
    }
};

/// The first bank of the log, strongest use first.
std::optional<PcrBank> best_bank(const EventLog& log) {
    for (const PcrBank bank : {PcrBank::sha256, PcrBank::sha384, PcrBank::sha512, PcrBank::sha1}) {
        if (std::ranges::find(log.banks, bank) != log.banks.end()) {
            return bank;
        }
    }
    return std::nullopt;
}

bool has_events(const Boot& boot, const unsigned pcr) {
    const auto is_it = [&](const auto& event) { return event.pcr == pcr; };
    return std::ranges::any_of(boot.firmware.events,
                               [&](const LogEvent& event) { return event.is_measured() && is_it(event); }) ||
           (boot.systemd && std::ranges::any_of(boot.systemd->events, is_it));
}

bool is_asked(const EventsOptions& options, const unsigned pcr) {
    return options.pcrs.empty() || std::ranges::find(options.pcrs, pcr) != options.pcrs.end();
}

void read_present(Boot& boot, const Machine& machine) {
    const auto tpm = machine.tpm.open(TpmAccess::managed);
    if (!tpm) {
        boot.why_not = std::string{describe(tpm.error().kind)};
        return;
    }
    try {
        constexpr PcrMask all = (PcrMask{1} << pcr_count) - 1;
        boot.present = (*tpm)->read_pcrs({.bank = boot.bank, .mask = all}).values;
    } catch (const Error& error) {
        boot.why_not = error.what();
    }
}

Boot read_boot(const EventsOptions& options, const Globals& globals, const Machine& machine) {
    Boot boot{.firmware = read_event_log(options.log, globals.paths()),
              .systemd = {},
              .present = {},
              .why_not = {}};
    // Another boot's log goes with that boot's log of systemd, or none.
    if (options.log.empty() || !options.systemd_log.empty()) {
        boot.systemd = read_measure_log(options.systemd_log, globals.paths());
    }
    const auto bank = best_bank(boot.firmware);
    if (!bank) {
        throw Error{Reason::bad_data,
                    formatted("{}: has digests of no hash algorithm that is known here", boot.firmware.file)};
    }
    boot.bank = *bank;
    if (options.log.empty() && options.systemd_log.empty()) {
        read_present(boot, machine);
    } else {
        boot.why_not = "the log was given";
    }
    return boot;
}

Json to_json(const BankDigests& digests) {
    Json json = Json::object();
    for (const auto& [bank, value] : digests) {
        json[std::string{to_string(bank)}] = to_hex(value);
    }
    return json;
}

Json to_json(const LogEvent& event) {
    return {{"log", "firmware"},
            {"number", event.number},
            {"pcr", event.is_measured() ? Json(event.pcr) : Json(nullptr)},
            {"type", event_type_name(event.type)},
            {"words", describe(event)},
            {"digests", to_json(event.digests)}};
}

Json to_json(const MeasureEvent& event) {
    return {{"log", "systemd"},         {"number", event.number},
            {"pcr", event.pcr},         {"type", printable(event.kind)},
            {"words", describe(event)}, {"digests", to_json(event.digests)}};
}

Json pcr_json(const Boot& boot, const unsigned pcr) {
    const PcrReplay replay = replay_of(boot.logged(), pcr);
    return {{"pcr", pcr},
            {"meaning", pcr_meaning(pcr)},
            {"replayed", to_hex(replay.replayed)},
            {"present", boot.present ? Json(to_hex(boot.present->at(pcr))) : Json(nullptr)},
            {"agrees", boot.present ? Json(replay.agrees) : Json(nullptr)}};
}

Json to_json(const Boot& boot, const EventsOptions& options) {
    Json json = {{"log", boot.firmware.file},
                 {"bank", to_string(boot.bank)},
                 {"startup_locality", boot.firmware.startup_locality},
                 {"events", Json::array()},
                 {"pcrs", Json::array()}};
    for (const LogEvent& event : boot.firmware.events) {
        if (event.is_measured() ? is_asked(options, event.pcr) : options.pcrs.empty()) {
            json["events"].push_back(to_json(event));
        }
    }
    for (const MeasureEvent& event : boot.systemd_events()) {
        if (is_asked(options, event.pcr)) {
            json["events"].push_back(to_json(event));
        }
    }
    for (unsigned pcr = 0; pcr < pcr_count; ++pcr) {
        if (is_asked(options, pcr) && has_events(boot, pcr)) {
            json["pcrs"].push_back(pcr_json(boot, pcr));
        }
    }
    return json;
}

void print_pcr(const Boot& boot, const unsigned pcr) {
    print("PCR {}: {}\n", pcr, pcr_meaning(pcr));
    for (const LogEvent& event : boot.firmware.events) {
        if (event.is_measured() && event.pcr == pcr) {
            print("  {:4}  {}: {}\n", event.number, event_type_name(event.type), describe(event));
        }
    }
    for (const MeasureEvent& event : boot.systemd_events()) {
        if (event.pcr == pcr) {
            print("  {:4}  systemd: {}\n", event.number, describe(event));
        }
    }
}

void print_value(const Boot& boot, const unsigned pcr) {
    const PcrReplay replay = replay_of(boot.logged(), pcr);
    const std::string value = to_hex(replay.replayed);
    if (!boot.present) {
        print("PCR {:2}  {}\n", pcr, value);
    } else if (replay.agrees) {
        print("PCR {:2}  {}  as the TPM has it\n", pcr, value);
    } else {
        print("PCR {:2}  {}  but the TPM has {}: {}\n", pcr, value, to_hex(boot.present->at(pcr)),
              replay.why);
    }
}

void print_events(const Boot& boot, const EventsOptions& options) {
    for (unsigned pcr = 0; pcr < pcr_count; ++pcr) {
        if (is_asked(options, pcr) && (has_events(boot, pcr) || !options.pcrs.empty())) {
            print_pcr(boot, pcr);
        }
    }
    print("\nThe events make these {} values{}{}:\n", to_string(boot.bank),
          boot.present ? "" : ", which were not compared with a TPM: ", boot.why_not);
    for (unsigned pcr = 0; pcr < pcr_count; ++pcr) {
        if (is_asked(options, pcr) && has_events(boot, pcr)) {
            print_value(boot, pcr);
        }
    }
}

int run_events(const EventsOptions& options, const Globals& globals, const Machine& machine) {
    const Boot boot = read_boot(options, globals, machine);
    if (globals.json) {
        print_json(to_json(boot, options));
    } else {
        print_events(boot, options);
    }
    return 0;
}

} // namespace

Run declare_events(Arguments& verb) {
    const auto options = std::make_shared<EventsOptions>();
    verb.option("--log", "FILE", options->log, "read the firmware's log from FILE instead of this boot's");
    verb.option("--userspace-log", "FILE", options->systemd_log, "read systemd's log from FILE");
    verb.numbers("--pcr", {0, pcr_count - 1}, options->pcrs, "only the events of this PCR");
    return [options](const Globals& globals, const Machine& machine) {
        return run_events(*options, globals, machine);
    };
}

} // namespace sealmount
