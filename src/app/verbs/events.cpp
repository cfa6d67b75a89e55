// SPDX-License-Identifier: LGPL-2.1-or-later
#include "app/options/verbs.hpp"
#include "base/error.hpp"
#include "base/hex.hpp"
#include "base/strict_json.hpp"
#include "base/text.hpp"
#include "core/events/event_text.hpp"
#include "core/events/log_files.hpp"
#include "core/events/pcr_replay.hpp"
#include "core/policy/pcr_policy.hpp"
#include "sys/tpm/esys_connection.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>

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

bool is_asked(const EventsOptions& words, const unsigned pcr) {
    return words.pcrs.empty() || std::ranges::find(words.pcrs, pcr) != words.pcrs.end();
}

void read_present(Boot& boot, const Globals& globals) {
    const auto tpm = chosen_tpm(globals)->open(TpmAccess::managed);
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

Boot read_boot(const EventsOptions& words, const Globals& globals) {
    Boot boot{
        .firmware = read_event_log(words.log, globals.paths()), .systemd = {}, .present = {}, .why_not = {}};
    // Another boot's log goes with that boot's log of systemd, or none.
    if (words.log.empty() || !words.systemd_log.empty()) {
        boot.systemd = read_measure_log(words.systemd_log, globals.paths());
    }
    const auto bank = best_bank(boot.firmware);
    if (!bank) {
        throw Error{Reason::bad_data,
                    boot.firmware.file + ": has digests of no hash algorithm that is known here"};
    }
    boot.bank = *bank;
    if (words.log.empty() && words.systemd_log.empty()) {
        read_present(boot, globals);
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

void print_json(const Boot& boot, const EventsOptions& words) {
    Json json = {{"log", boot.firmware.file},
                 {"bank", to_string(boot.bank)},
                 {"startup_locality", boot.firmware.startup_locality},
                 {"events", Json::array()},
                 {"pcrs", Json::array()}};
    for (const LogEvent& event : boot.firmware.events) {
        if (event.is_measured() ? is_asked(words, event.pcr) : words.pcrs.empty()) {
            json["events"].push_back({{"log", "firmware"},
                                      {"number", event.number},
                                      {"pcr", event.is_measured() ? Json(event.pcr) : Json(nullptr)},
                                      {"type", event_type_name(event.type)},
                                      {"words", describe(event)},
                                      {"digests", to_json(event.digests)}});
        }
    }
    for (const MeasureEvent& event : boot.systemd ? boot.systemd->events : std::vector<MeasureEvent>{}) {
        if (is_asked(words, event.pcr)) {
            json["events"].push_back({{"log", "systemd"},
                                      {"number", event.number},
                                      {"pcr", event.pcr},
                                      {"type", printable(event.kind)},
                                      {"words", describe(event)},
                                      {"digests", to_json(event.digests)}});
        }
    }
    for (unsigned pcr = 0; pcr < pcr_count; ++pcr) {
        if (is_asked(words, pcr) && has_events(boot, pcr)) {
            const PcrReplay replay = replay_of(boot.logged(), pcr);
            json["pcrs"].push_back(
                {{"pcr", pcr},
                 {"meaning", pcr_meaning(pcr)},
                 {"replayed", to_hex(replay.replayed)},
                 {"present", boot.present ? Json(to_hex(boot.present->at(pcr))) : Json(nullptr)},
                 {"agrees", boot.present ? Json(replay.agrees) : Json(nullptr)}});
        }
    }
    std::printf("%s\n", json.dump(2).c_str());
}

void print_pcr(const Boot& boot, const unsigned pcr) {
    std::printf("PCR %u: %s\n", pcr, std::string{pcr_meaning(pcr)}.c_str());
    for (const LogEvent& event : boot.firmware.events) {
        if (event.is_measured() && event.pcr == pcr) {
            std::printf("  %4u  %s: %s\n", event.number, event_type_name(event.type).c_str(),
                        describe(event).c_str());
        }
    }
    for (const MeasureEvent& event : boot.systemd ? boot.systemd->events : std::vector<MeasureEvent>{}) {
        if (event.pcr == pcr) {
            std::printf("  %4u  systemd: %s\n", event.number, describe(event).c_str());
        }
    }
}

void print_severity(const Boot& boot, const unsigned pcr) {
    const PcrReplay replay = replay_of(boot.logged(), pcr);
    const std::string value = to_hex(replay.replayed);
    if (!boot.present) {
        std::printf("PCR %2u  %s\n", pcr, value.c_str());
    } else if (replay.agrees) {
        std::printf("PCR %2u  %s  as the TPM has it\n", pcr, value.c_str());
    } else {
        std::printf("PCR %2u  %s  but the TPM has %s: %s\n", pcr, value.c_str(),
                    to_hex(boot.present->at(pcr)).c_str(), replay.why.c_str());
    }
}

void print_words(const Boot& boot, const EventsOptions& words) {
    for (unsigned pcr = 0; pcr < pcr_count; ++pcr) {
        if (is_asked(words, pcr) && (has_events(boot, pcr) || !words.pcrs.empty())) {
            print_pcr(boot, pcr);
        }
    }
    std::printf("\nThe events make these %s values%s%s:\n", std::string{to_string(boot.bank)}.c_str(),
                boot.present ? "" : ", which were not compared with a TPM: ", boot.why_not.c_str());
    for (unsigned pcr = 0; pcr < pcr_count; ++pcr) {
        if (is_asked(words, pcr) && has_events(boot, pcr)) {
            print_severity(boot, pcr);
        }
    }
}

} // namespace

Run declare_events(CLI::App& verb, const Globals& globals) {
    const auto words = std::make_shared<EventsOptions>();
    verb.add_option("--log", words->log, "read the firmware's log from this file, instead of this boot's");
    verb.add_option("--userspace-log", words->systemd_log, "read systemd's log from this file");
    verb.add_option("--pcr", words->pcrs, "only the events of this PCR; may be repeated")
        ->check(CLI::Range(0U, pcr_count - 1));
    return [words, &globals] {
        const Boot boot = read_boot(*words, globals);
        globals.json ? print_json(boot, *words) : print_words(boot, *words);
        return 0;
    };
}

} // namespace sealmount
