// Do the logs explain what a PCR holds?
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/events/event_log.hpp"
#include "core/events/measure_log.hpp"
#include "sys/tpm/pcr_registry.hpp"

#include <optional>
#include <string>
#include <vector>

namespace sealmount {

/// The logs of one boot, and what the TPM holds now; all must outlive their users.
struct LoggedBoot {
    const EventLog& firmware;
    const MeasureLog* systemd; ///< null where systemd writes none
    PcrBank bank;
    const PcrValues* present; ///< null without a TPM: then the logs are believed
};

/// What the logs say about one PCR.
struct PcrReplay {
    Bytes replayed;                  ///< its value according to the logs
    bool agrees = false;             ///< with the present value, if that is known
    std::string why;                 ///< they do not agree; "" when they do
    bool written_by_systemd = false; ///< its log has events of this PCR
    /// Of PCR 11: the boot phases that were measured, from systemd's log, or found by trying which of them
    /// explain the present value (systemd 252 writes no log). Nothing when they are not known.
    std::optional<std::vector<std::string>> phases;
};

/// Throws Error{unavailable} when the firmware's log lacks the bank.
[[nodiscard]] PcrReplay replay_of(const LoggedBoot& boot, unsigned pcr);

/// The value after these boot phases were measured, each as its text without a NUL
/// (systemd-pcrphase.service(8)).
[[nodiscard]] Bytes after_phases(PcrBank bank, Bytes value, const std::vector<std::string>& phases);

/// Those before "sysinit": they are there when volumes are unlocked, because local file systems come before
/// sysinit.target (bootup(7)).
[[nodiscard]] std::vector<std::string> before_sysinit(const std::vector<std::string>& phases);

} // namespace sealmount
