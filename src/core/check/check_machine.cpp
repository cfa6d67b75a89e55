// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/check/check_machine.hpp"

#include "base/format.hpp"

namespace sealmount {

namespace {

Finding good_about_tpm(std::string item, std::string text) {
    return {.about = "tpm", .item = std::move(item), .text = std::move(text)};
}

/// When the TPM has forgotten the failed tries, or so many that it is not locked any more.
std::uint64_t seconds_to_recover(const LockoutState& state) {
    const std::uint64_t tries_to_forget = state.locked && state.failed_tries >= state.allowed_tries
                                              ? state.failed_tries - state.allowed_tries + 1
                                              : state.failed_tries;
    return state.recovery_seconds * tries_to_forget;
}

void check_lockout(Tpm& tpm, std::vector<Finding>& findings) {
    const LockoutState state = tpm.lockout();
    if (!state.locked && state.failed_tries == 0) {
        findings.push_back(good_about_tpm("lockout", "is not in lockout, no failed tries"));
        return;
    }
    const std::string tries = formatted("{} of {} failed tries", state.failed_tries, state.allowed_tries);
    std::string text = state.locked ? formatted("is in dictionary-attack lockout ({})", tries)
                                    : formatted("remembers {} of its dictionary-attack protection", tries);
    if (state.recovery_seconds > 0) {
        text += formatted("; {} in {} seconds at the latest", state.locked ? "it ends" : "they are forgiven",
                          seconds_to_recover(state));
    }
    findings.push_back(
        {.about = "tpm",
         .item = "lockout",
         .severity = Severity::warning,
         .text = text + ". Volumes open all the same: their sealed objects are not subject to it",
         .fix = {.kind = AdviceKind::clear_lockout}});
}

/// Who is in the way on the raw device, and what was left there. The managed device shows neither.
void check_raw_device(const CheckContext& context, std::vector<Finding>& findings,
                      const bool trusted_demanded) {
    const auto raw = context.machine.tpm.open(TpmAccess::raw);
    if (!raw) {
        std::string text = formatted("the raw device cannot be opened: {}", with_detail(raw.error()));
        for (const std::string& holder : context.machine.tpm.holders()) {
            text += formatted(", held by {}", holder);
        }
        findings.push_back({.about = "tpm",
                            .item = "raw-device",
                            .severity = trusted_demanded ? Severity::bad : Severity::warning,
                            .text = std::move(text),
                            .fix = {.kind = AdviceKind::use_managed_device}});
        return;
    }
    const TpmRoom room = (*raw)->room();
    if (room.objects == 0 && room.loaded_sessions == 0) {
        findings.push_back(good_about_tpm("raw-device", "is free, and nothing was left in the TPM"));
    } else {
        findings.push_back({.about = "tpm",
                            .item = "raw-device",
                            .severity = Severity::warning,
                            .text = formatted("others left {} objects and {} sessions in the TPM",
                                              room.objects, room.loaded_sessions),
                            .fix = {.kind = AdviceKind::drop_leftovers}});
    }
}

} // namespace

std::unique_ptr<Tpm> check_tpm(const CheckContext& context, const bool trusted_demanded,
                               std::vector<Finding>& findings) {
    auto tpm = open_tpm(context.machine.tpm, TpmAccess::managed, context.machine.backoff);
    if (!tpm) {
        const bool late = tpm.error().kind == RefusalKind::no_tpm && context.machine.tpm.is_announced();
        findings.push_back(
            {.about = "tpm",
             .item = "present",
             .severity = Severity::bad,
             .text = with_detail(tpm.error()) + (late ? ", though the firmware announces one" : ""),
             .fix = {.kind = late ? AdviceKind::load_tpm_driver : AdviceKind::switch_on_tpm}});
        return nullptr;
    }
    findings.push_back(good_about_tpm("present", "is there"));
    try {
        check_lockout(**tpm, findings);
        if (context.is_this_machine) {
            check_raw_device(context, findings, trusted_demanded);
        }
    } catch (const Error& error) {
        findings.push_back(failed_look("tpm", "works", error, {.kind = AdviceKind::look_at_tpm_messages}));
        return nullptr;
    }
    return std::move(*tpm);
}

} // namespace sealmount
