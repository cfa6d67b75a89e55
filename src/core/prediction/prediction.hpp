// The PCR values after the next boot, from the logs of this one and a list of changes. Nothing is guessed:
// for each PCR that cannot be predicted, the reason is given.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "base/advice.hpp"
#include "core/events/pcr_replay.hpp"

#include <expected>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace sealmount {

/// For each PCR that was asked for: its value after the next boot, when volumes are unlocked; or why that is
/// not known.
using Prediction = std::map<unsigned, std::expected<Bytes, Problem>>;

/// One event of the next boot.
struct ForecastEvent {
    unsigned pcr = 0;
    EventType type{};
    Bytes digest;                   ///< in the forecast's bank
    const LogEvent* past = nullptr; ///< the event of this boot that it was; null for a new one
    bool is_changed = false;        ///< by a change: later ones leave it alone
};

/// The events of the next boot: those of the log, until changes are applied. The log must outlive it.
class Forecast {
  public:
    /// Throws Error{unavailable} when the log lacks the bank.
    Forecast(const EventLog& log, PcrBank bank);

    [[nodiscard]] PcrBank bank() const noexcept { return bank_; }
    [[nodiscard]] const EventLog& log() const noexcept { return log_; }
    [[nodiscard]] std::vector<ForecastEvent>& events() noexcept { return events_; }

    /// Gives every unchanged event with the digest `before` (of `pcr` only, if given) the digest `after`; how
    /// many there were.
    unsigned replace(const Bytes& before, const Bytes& after, std::optional<unsigned> pcr = std::nullopt);

    /// Gives a PCR these events in place of those that it had. False, and nothing is done, when a change was
    /// applied to one of them.
    [[nodiscard]] bool replace_all(unsigned pcr, const std::vector<Bytes>& digests);

    /// This PCR can no longer be predicted. The first reason stays.
    void spoil(unsigned pcr, std::string why, Advice advice = {}) {
        spoilt_.try_emplace(pcr, Problem{.message = std::move(why), .advice = std::move(advice)});
    }
    [[nodiscard]] const std::map<unsigned, Problem>& spoilt() const noexcept { return spoilt_; }

    /// The value after all events.
    [[nodiscard]] Bytes value(unsigned pcr) const;

  private:
    const EventLog& log_;
    PcrBank bank_;
    std::vector<ForecastEvent> events_;
    std::map<unsigned, Problem> spoilt_;
};

/// PCR:OLD=NEW, a digest for a digest.
struct DigestChange {
    unsigned pcr;
    Bytes before;
    Bytes after;
};

/// Reads "4:OLDHEX=NEWHEX". Throws Error{usage} when it is not that, or the digests are not of the bank.
[[nodiscard]] DigestChange parse_digest_change(std::string_view text, PcrBank bank);
/// Throws Error{no_input} when no event has that digest.
void apply(Forecast& forecast, const DigestChange& change);

/// The values after all events. `phases` are those of PCR 11, or nothing for those of this boot before the
/// volumes are unlocked. `boot` has the forecast's log and bank.
[[nodiscard]] Prediction predict(const Forecast& forecast, const LoggedBoot& boot, PcrMask pcrs,
                                 const std::optional<std::vector<std::string>>& phases);

} // namespace sealmount
