// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/check/check_slots.hpp"

#include "core/store/boot_window.hpp"

#include <algorithm>

namespace sealmount {

namespace {

std::string in_seconds(const std::chrono::milliseconds time) {
    return std::to_string(std::chrono::ceil<std::chrono::seconds>(time).count()) + " s";
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
    const std::string words = "slot " + std::to_string(slot.id) + ": this boot unsealed it " +
                              in_seconds(*unsealed) + " after power-on, of a boot window of " +
                              in_seconds(window);
    const bool is_comfortable = *unsealed * 100 <= window * comfortable_percent;
    findings.push_back({"master " + name, "boot-window", is_comfortable ? Severity::good : Severity::warning,
                        is_comfortable ? words : words + ": a slower boot would miss it",
                        is_comfortable ? ""
                                       : "at the next boot, within the window, run 'sealmount reseal " +
                                             name + "' with a longer --boot-window"});
}

} // namespace

void check_slots(const Paths& paths, const std::string& name, const MasterFile& master, Tpm& tpm,
                 std::vector<Finding>& findings) {
    const bool has_window = std::ranges::any_of(
        master.slots, [](const Slot& slot) { return slot.policy.boot_window.has_value(); });
    const TpmClock now = has_window ? tpm.clock() : TpmClock{};
    for (const Slot& slot : master.slots) {
        if (const std::string weakness = weakness_of(slot.policy); !weakness.empty()) {
            findings.push_back(
                {"master " + name, slot.policy.last_boot ? "suspended" : "empty-policy", Severity::warning,
                 "slot " + std::to_string(slot.id) + ": " + weakness,
                 slot.policy.last_boot
                     ? "when the update is done, 'sealmount resume " + name + "'"
                     : "'sealmount reseal " + name + " --pcrs 7 --replace' binds it to the present state"});
        }
        if (slot.policy.boot_window) {
            check_window(paths, name, slot, now, findings);
        }
    }
}

void check_recovery_key(const std::string& name, const MasterFile& master, const std::vector<Volume>& volumes,
                        std::vector<Finding>& findings) {
    if (master.recovery.empty()) {
        const auto without_passphrase = std::ranges::find_if(
            volumes, [&](const Volume& volume) { return volume.master == name && volume.no_passphrase; });
        findings.push_back(
            {"master " + name, "recovery-key", Severity::warning,
             without_passphrase == volumes.end()
                 ? "has no recovery key: without the TPM, only the passphrases open its volumes"
                 : "has no recovery key: without the TPM, nothing here opens the volume \"" +
                       without_passphrase->name + "\", which has no passphrase",
             "'sealmount recovery-key " + name + "' makes one"});
    } else {
        findings.push_back({"master " + name,
                            "recovery-key",
                            Severity::good,
                            "has a recovery key (slot " + std::to_string(master.recovery.front().id) + ")",
                            {}});
    }
}

} // namespace sealmount
