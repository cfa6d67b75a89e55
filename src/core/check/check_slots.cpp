// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/check/check_slots.hpp"

#include "base/format.hpp"
#include "core/master/store_proof.hpp"
#include "core/slots/belief.hpp"
#include "core/store/boot_window.hpp"
#include "sys/tpm/object_demands.hpp"

#include <algorithm>

namespace sealmount {

namespace {

std::string in_seconds(const std::chrono::milliseconds time) {
    return formatted("{} s", std::chrono::ceil<std::chrono::seconds>(time).count());
}

/// A boot that takes more of the window than this leaves too little for one that takes longer.
constexpr int comfortable_percent = 50;

void check_window(const Paths& paths, const std::string& name, const Slot& slot, const TpmClock& now,
                  std::vector<Finding>& findings) {
    const auto unsealed = time_of_unseal(paths, name, now);
    if (!unsealed) {
        return;
    }
    const auto& window = *slot.policy.boot_window;
    Finding finding{.about = formatted("master {}", name),
                    .item = "boot-window",
                    .text =
                        formatted("slot {}: this boot unsealed it {} after power-on, of a boot window of {}",
                                  slot.id, in_seconds(*unsealed), in_seconds(window))};
    if (*unsealed * 100 > window * comfortable_percent) {
        finding.severity = Severity::warning;
        finding.text += ": a slower boot would miss it";
        finding.fix = {.kind = AdviceKind::widen_boot_window, .subject = name};
    }
    findings.push_back(std::move(finding));
}

/// What its sealed object demands, beside what the file says about it.
void check_object(const Paths& paths, const std::string& name, const Slot& slot,
                  std::vector<Finding>& findings) {
    const auto add = [&](const char* const item, const std::string& text, Advice fix) {
        findings.push_back({.about = formatted("master {}", name),
                            .item = item,
                            .severity = Severity::warning,
                            .text = formatted("slot {}: {}", slot.id, text),
                            .fix = std::move(fix)});
    };
    if (!is_sealed_to_its_policy(slot)) {
        add("foreign-object", "its object is sealed to another policy than the file says: it is not used",
            {.kind = AdviceKind::restore_store, .subject = paths.configuration().string()});
        return;
    }
    if (slot.policy.pin && !demands_of(slot.sealed)->hides_pin()) {
        add("tried-pin",
            "its PIN can be tried in any state of the machine, as often as the TPM's lockout permits: it was "
            "sealed by an old release",
            {.kind = AdviceKind::reseal_pin, .subject = name});
    }
    if (slot.policy.last_boot && !slot.policy.not_after_sleep) {
        add("sleeping-suspension", "a machine that only sleeps keeps it open: it was made by an old release",
            {.kind = AdviceKind::resume, .subject = name});
    }
}

/// The first volume under this master key that no passphrase opens, or nullptr.
const Volume* without_passphrase(const std::string& master, const std::vector<Volume>& volumes) {
    const auto found = std::ranges::find_if(
        volumes, [&](const Volume& volume) { return volume.master == master && volume.no_passphrase; });
    return found == volumes.end() ? nullptr : &*found;
}

Finding warning_about(const std::string& name, const char* const item, std::string text, Advice fix) {
    return {.about = formatted("master {}", name),
            .item = item,
            .severity = Severity::warning,
            .text = std::move(text),
            .fix = std::move(fix)};
}

/// The seal holds. Is it of today?
void check_age(const std::string& name, const MasterFile& master, const std::vector<Volume>& volumes,
               std::vector<Finding>& findings) {
    for (const Volume& volume : volumes) {
        for (const std::string& signature : volume.signatures()) {
            if (volume.master == name && !master.key_proofs.contains(signature)) {
                findings.push_back(warning_about(
                    name, "older",
                    formatted(
                        "its file does not know the key {} of the volume \"{}\": it is older than that, as "
                        "from a backup, or the key was damaged when it was written",
                        signature, volume.name),
                    {.kind = AdviceKind::prove_store, .subject = name}));
            }
        }
    }
}

} // namespace

void check_proofs(const Store& store, const std::string& name, const MasterFile& master,
                  const std::vector<Volume>& volumes, std::vector<Finding>& findings) {
    for (const Slot& slot : master.slots) {
        if (slot.is_unproven) {
            findings.push_back(warning_about(
                name, "unproven",
                formatted(
                    "slot {}: sealmount 0.1 wrote it, and it has not opened since: nothing proves what it is "
                    "sealed to, and nothing will be sealed to that again",
                    slot.id),
                {.kind = AdviceKind::prune_unproven, .subject = name, .other = std::to_string(slot.id)}));
        }
    }
    if (!master.is_sealed()) {
        findings.push_back(warning_about(name, "unproven",
                                         "its file was written by sealmount 0.1, and nothing proves its "
                                         "slots: the next change that opens the "
                                         "master key writes it again, with a proof",
                                         {.kind = AdviceKind::prove_store, .subject = name}));
        return;
    }
    check_age(name, master, volumes, findings);
    if (manifest_lets_rebind(store, name) && !master.may_rebind) {
        findings.push_back(warning_about(name, "rebind",
                                         "\"rebind_after_recovery\" is in the manifest, and nobody who has "
                                         "the master key has agreed to it: a "
                                         "boot binds nothing by itself",
                                         {.kind = AdviceKind::prove_store, .subject = name}));
    }
}

void check_slots(const Paths& paths, const std::string& name, const MasterFile& master, Tpm& tpm,
                 std::vector<Finding>& findings) {
    const bool has_window = std::ranges::any_of(
        master.slots, [](const Slot& slot) { return slot.policy.boot_window.has_value(); });
    const TpmClock now = has_window ? tpm.clock() : TpmClock{};
    for (const Slot& slot : master.slots) {
        if (const std::string weakness = weakness_of(slot.policy); !weakness.empty()) {
            const bool is_suspended = slot.policy.last_boot.has_value();
            findings.push_back(
                {.about = formatted("master {}", name),
                 .item = is_suspended ? "suspended" : "empty-policy",
                 .severity = Severity::warning,
                 .text = formatted("slot {}: {}", slot.id, weakness),
                 .fix = {.kind = is_suspended ? AdviceKind::resume : AdviceKind::bind_empty_policy,
                         .subject = name}});
        }
        check_object(paths, name, slot, findings);
        if (slot.policy.boot_window) {
            check_window(paths, name, slot, now, findings);
        }
    }
}

void check_recovery_key(const std::string& name, const MasterFile& master, const std::vector<Volume>& volumes,
                        std::vector<Finding>& findings) {
    Finding finding{.about = formatted("master {}", name), .item = "recovery-key"};
    if (!master.recovery.empty()) {
        finding.text = formatted("has a recovery key (slot {})", master.recovery.front().id);
    } else {
        const Volume* const closed = without_passphrase(name, volumes);
        finding.severity = Severity::warning;
        finding.text =
            closed == nullptr
                ? "has no recovery key: without the TPM, only the passphrases open its volumes"
                : formatted(
                      "has no recovery key: without the TPM, nothing here opens the volume \"{}\", which "
                      "has no passphrase",
                      closed->name);
        finding.fix = {.kind = AdviceKind::make_recovery_key, .subject = name};
    }
    findings.push_back(std::move(finding));
}

} // namespace sealmount
