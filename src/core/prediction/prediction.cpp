// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/prediction/prediction.hpp"

#include "base/error.hpp"
#include "base/format.hpp"
#include "base/hex.hpp"
#include "base/text.hpp"
#include "core/events/event_text.hpp"
#include "core/policy/pcr_policy.hpp"
#include "sys/tpm/digest.hpp"

#include <algorithm>
#include <charconv>

namespace sealmount {

namespace {

/// The boot phases to come, or why they are not known.
std::expected<std::vector<std::string>, Problem>
phases_to_come(const LoggedBoot& boot, const PcrReplay& replay,
               const std::optional<std::vector<std::string>>& wanted) {
    if (wanted) {
        return *wanted;
    }
    if (replay.phases) {
        return before_sysinit(*replay.phases);
    }
    if (replay.written_by_systemd) {
        return std::unexpected{Problem{"systemd measured more than boot phases into it"}};
    }
    const bool is_uki = std::ranges::any_of(boot.firmware.events, [](const LogEvent& event) {
        return event.is_measured() && event.pcr == uki_pcr;
    });
    if (is_uki) {
        return std::unexpected{Problem{
            .message =
                "which boot phases systemd measures before volumes are unlocked is not known without the TPM",
            .advice = {AdviceKind::give_phases}}};
    }
    return std::vector<std::string>{};
}

Problem systemd_writes_it(const MeasureLog& log, const unsigned pcr) {
    const auto event = std::ranges::find(log.events, pcr, &MeasureEvent::pcr);
    const std::string kind = event == log.events.end() ? "" : describe(*event);
    return {formatted("systemd measures into it while the system starts{}, and at which moment is not known",
                      kind.empty() ? "" : formatted(" ({})", kind))};
}

std::expected<Bytes, Problem> predicted_value(const Forecast& forecast, const LoggedBoot& boot,
                                              const unsigned pcr,
                                              const std::optional<std::vector<std::string>>& phases) {
    const PcrReplay replay = replay_of(boot, pcr);
    if (!replay.agrees) {
        return std::unexpected{Problem{replay.why}};
    }
    if (const auto spoilt = forecast.spoilt().find(pcr); spoilt != forecast.spoilt().end()) {
        return std::unexpected{spoilt->second};
    }
    if (pcr == uki_pcr) {
        const auto to_come = phases_to_come(boot, replay, phases);
        if (!to_come) {
            return std::unexpected{to_come.error()};
        }
        return after_phases(forecast.bank(), forecast.value(pcr), *to_come);
    }
    if (replay.written_by_systemd) {
        return std::unexpected{systemd_writes_it(*boot.systemd, pcr)};
    }
    return forecast.value(pcr);
}

} // namespace

Forecast::Forecast(const EventLog& log, const PcrBank bank) : log_(log), bank_(bank) {
    if (std::ranges::find(log.banks, bank) == log.banks.end()) {
        throw Error{Reason::unavailable,
                    formatted("{}: the firmware's log has no {} digests", log.file, to_string(bank))};
    }
    for (const LogEvent& event : log.events) {
        if (event.is_measured()) {
            events_.push_back({.pcr = event.pcr,
                               .type = event.type,
                               .digest = event.digests.at(bank),
                               .past = &event,
                               .is_changed = false});
        }
    }
}

unsigned Forecast::replace(const Bytes& before, const Bytes& after, const std::optional<unsigned> pcr) {
    unsigned count = 0;
    for (ForecastEvent& event : events_) {
        if (!event.is_changed && event.digest == before && event.pcr == pcr.value_or(event.pcr)) {
            event.digest = after;
            event.is_changed = true;
            ++count;
        }
    }
    return count;
}

bool Forecast::replace_all(const unsigned pcr, const std::vector<Bytes>& digests) {
    const auto is_of_pcr = [pcr](const ForecastEvent& event) { return event.pcr == pcr; };
    if (std::ranges::any_of(events_, [&](const ForecastEvent& e) { return is_of_pcr(e) && e.is_changed; })) {
        return false;
    }
    std::erase_if(events_, is_of_pcr);
    for (const Bytes& value : digests) {
        events_.push_back(
            {.pcr = pcr, .type = EventType::ipl, .digest = value, .past = nullptr, .is_changed = true});
    }
    return true;
}

Bytes Forecast::value(const unsigned pcr) const {
    Bytes value = initial_pcr_value(pcr, bank_, log_.startup_locality);
    for (const ForecastEvent& event : events_) {
        if (event.pcr == pcr) {
            value = extended(bank_, value, event.digest);
        }
    }
    return value;
}

DigestChange parse_digest_change(const std::string_view text, const PcrBank bank) {
    const auto fail = [&](const std::string_view what) {
        throw Error{Reason::usage, formatted("the change of a digest {}: {}", printable(text), what)};
    };
    const std::size_t colon = text.find(':');
    const std::size_t equals = text.find('=');
    if (colon == std::string_view::npos || equals == std::string_view::npos || equals < colon) {
        fail("write PCR:OLDHEX=NEWHEX");
    }
    DigestChange change{};
    const char* const number_end = text.data() + colon;
    const auto [end, error] = std::from_chars(text.data(), number_end, change.pcr);
    if (error != std::errc{} || end != number_end || change.pcr >= pcr_count) {
        fail("the PCR must be a number from 0 to 23");
    }
    const auto before = from_hex(text.substr(colon + 1, equals - colon - 1));
    const auto after = from_hex(text.substr(equals + 1));
    const std::size_t size = digest_size(bank);
    if (!before || !after || before->size() != size || after->size() != size) {
        fail(formatted("both digests must be {} hex digits, as {} has them", 2 * size, to_string(bank)));
    }
    change.before = *before;
    change.after = *after;
    return change;
}

void apply(Forecast& forecast, const DigestChange& change) {
    if (forecast.replace(change.before, change.after, change.pcr) == 0) {
        throw Error{Reason::no_input, formatted("{}: no event of PCR {} in {} has this digest",
                                                to_hex(change.before), change.pcr, forecast.log().file)};
    }
}

Prediction predict(const Forecast& forecast, const LoggedBoot& boot, const PcrMask pcrs,
                   const std::optional<std::vector<std::string>>& phases) {
    Prediction prediction;
    for (unsigned pcr = 0; pcr < pcr_count; ++pcr) {
        if ((pcrs & (PcrMask{1} << pcr)) != 0) {
            prediction.emplace(pcr, predicted_value(forecast, boot, pcr, phases));
        }
    }
    return prediction;
}

} // namespace sealmount
