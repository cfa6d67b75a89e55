// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/check/status.hpp"

#include "base/hex.hpp"
#include "core/ecryptfs/encrypted_key.hpp"
#include "core/store/volume_state.hpp"
#include "sys/files/mounts.hpp"

#include <algorithm>

namespace sealmount {

namespace {

std::vector<std::string> key_problems(const Store& store, const Volume& volume) {
    std::vector<std::string> problems;
    for (const std::string& signature : volume.signatures()) {
        try {
            const std::string description = master_description_of(store.key(signature));
            if (description != "trusted:" + volume.master) {
                problems.push_back(store.paths().key(signature).string() + ": is under " + description +
                                   ", but the manifest says master \"" + volume.master + "\"");
            }
        } catch (const Error& error) {
            problems.emplace_back(error.what());
        }
    }
    return problems;
}

} // namespace

std::vector<VolumeStatus> volume_status(const Store& store, Keyring& keyring,
                                        const std::optional<std::string>& name) {
    const std::vector<Volume> volumes = name ? std::vector{store.volume(*name)} : store.manifest().volumes;
    std::vector<VolumeStatus> all;
    for (const Volume& volume : volumes) {
        const auto mounted = mount_at(store.paths().below_root(volume.mountpoint));
        all.push_back({.volume = volume,
                       .mounted = mounted && mounted->type == "ecryptfs",
                       .unlocked_by = loaded_by(store.paths(), volume.name),
                       .keys_loaded = std::ranges::all_of(
                           volume.signatures(), [&](const auto& s) { return keyring.has_volume_key(s); }),
                       .problems = key_problems(store, volume)});
        for (const std::string& signature : volume.signatures()) {
            if (keyring.has_user_key(signature)) {
                all.back().problems.push_back("a user key " + signature +
                                              " is in root's keyring, and eCryptfs takes it instead of ours: "
                                              "run 'keyctl purge user " +
                                              signature + "'");
            }
        }
    }
    return all;
}

MasterStatus master_status(const Store& store, TpmOpener& opener, const Backoff& pause,
                           const std::string& name) {
    MasterStatus status{
        .name = name, .fitting_slots = {}, .weaknesses = {}, .recovery_slots = {}, .refusal = {}};
    try {
        const MasterFile master = store.master(name);
        for (const Slot& slot : master.slots) {
            if (const std::string weakness = weakness_of(slot.policy); !weakness.empty()) {
                status.weaknesses.push_back("slot " + std::to_string(slot.id) + ": " + weakness);
            }
        }
        for (const RecoverySlot& slot : master.recovery) {
            status.recovery_slots.push_back(slot.id);
        }
        const auto tpm = open_tpm(opener, TpmAccess::managed, pause);
        if (!tpm) {
            status.refusal = {tpm.error().kind, tpm.error().detail, {}};
            return status;
        }
        if (const auto srk = (*tpm)->srk_name(); !srk) {
            status.refusal = {srk.error().kind, srk.error().detail, {}};
            return status;
        } else if (*srk != master.srk_name) {
            status.refusal = {RefusalKind::srk_changed,
                              "expected the key " + to_hex(master.srk_name) + ", found " + to_hex(*srk),
                              {}};
            return status;
        }
        SlotChoice choice = choose_slots(**tpm, {master, store.policy_files()});
        for (const FittingSlot& fitting : choice.fitting) {
            status.fitting_slots.push_back(fitting.slot->id);
        }
        status.refusal = {RefusalKind::policy_mismatch, {}, std::move(choice.refused)};
    } catch (const Error& error) {
        const bool file = error.reason() == Reason::config || error.reason() == Reason::bad_data;
        status.refusal = {file ? RefusalKind::files_unusable : RefusalKind::tpm_failed, error.what(), {}};
    }
    return status;
}

} // namespace sealmount
