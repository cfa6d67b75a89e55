// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/events/pcr_replay.hpp"

#include "base/format.hpp"
#include "sys/tpm/digest.hpp"
#include "sys/tpm/pcr_bank.hpp"

#include <algorithm>
#include <array>

namespace sealmount {

namespace {

/// systemd's boot phases in their order (systemd-pcrphase.service(8)).
constexpr std::array known_phases = {"enter-initrd", "leave-initrd", "sysinit", "ready"};

/// Which of systemd's phases, in their order, lead from `value` to `present`?
std::optional<std::vector<std::string>> phases_by_trying(const PcrBank bank, const Bytes& value,
                                                         const Bytes& present) {
    for (unsigned chosen = 0; chosen < 1U << known_phases.size(); ++chosen) {
        std::vector<std::string> phases;
        for (std::size_t at = 0; at < known_phases.size(); ++at) {
            if ((chosen & (1U << at)) != 0) {
                phases.emplace_back(known_phases[at]);
            }
        }
        if (after_phases(bank, value, phases) == present) {
            return phases;
        }
    }
    return std::nullopt;
}

/// The phases of systemd's log; nothing when it has other events of PCR 11, too.
std::optional<std::vector<std::string>> phases_of(const MeasureLog& log) {
    std::vector<std::string> phases;
    for (const MeasureEvent& event : log.events) {
        if (event.pcr == uki_pcr && event.kind != "phase") {
            return std::nullopt;
        }
        if (event.pcr == uki_pcr) {
            phases.push_back(event.string);
        }
    }
    return phases;
}

std::string why_not(const unsigned pcr) {
    return pcr == ima_pcr
               ? "IMA measures files into it while the system runs"
               : "the event log does not explain its present value: something else measured into it";
}

} // namespace

Bytes after_phases(const PcrBank bank, Bytes value, const std::vector<std::string>& phases) {
    for (const std::string& phase : phases) {
        value = extended(bank, value, digest(bank, {as_bytes(phase)}));
    }
    return value;
}

std::vector<std::string> before_sysinit(const std::vector<std::string>& phases) {
    return {phases.begin(), std::ranges::find(phases, "sysinit")};
}

PcrReplay replay_of(const LoggedBoot& boot, const unsigned pcr) {
    PcrReplay result;
    result.replayed = replay(boot.firmware, boot.bank).at(pcr);
    bool all_digests = true;
    if (boot.systemd != nullptr) {
        for (const MeasureEvent& event : boot.systemd->events) {
            if (event.pcr != pcr) {
                continue;
            }
            result.written_by_systemd = true;
            const auto value = event.digests.find(boot.bank);
            all_digests = all_digests && value != event.digests.end();
            if (value != event.digests.end()) {
                result.replayed = extended(boot.bank, result.replayed, value->second);
            }
        }
    }
    if (!all_digests) {
        result.why = formatted("{} lacks {} digests of it", boot.systemd->file, to_string(boot.bank));
        return result;
    }
    if (pcr == uki_pcr && boot.systemd != nullptr && result.written_by_systemd) {
        result.phases = phases_of(*boot.systemd);
    }
    if (boot.present == nullptr) {
        result.agrees = true;
        return result;
    }
    const auto present = boot.present->find(pcr);
    if (present == boot.present->end()) {
        result.why = "the TPM did not report its present value";
        return result;
    }
    if (pcr == uki_pcr && !result.written_by_systemd) {
        result.phases = phases_by_trying(boot.bank, result.replayed, present->second);
        result.replayed =
            after_phases(boot.bank, result.replayed, result.phases.value_or(std::vector<std::string>{}));
    }
    result.agrees = result.replayed == present->second;
    result.why = result.agrees ? "" : why_not(pcr);
    return result;
}

} // namespace sealmount
