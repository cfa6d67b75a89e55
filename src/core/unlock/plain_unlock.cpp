// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/unlock/plain_unlock.hpp"

#include "core/unlock/obstacle.hpp"
#include "core/unlock/plain_master.hpp"
#include "core/unlock/plain_proof.hpp"
#include "core/volume/plain_volume.hpp"
#include "sys/raw/raw_file.hpp"

#include <algorithm>
#include <exception>
#include <utility>

namespace sealmount {

namespace {

std::string unlock_lock_of(const PlainPlaces& places) {
    return places.runtime + "/unlock.lock";
}

std::optional<std::vector<Volume>> plain_volumes_of(const PlainPlaces& places) {
    const auto text = read_raw_file(places.configuration + "/manifest.json");
    return text ? volumes_of_plain_manifest(*text) : std::nullopt;
}

/// An encrypted key that is to be loaded.
struct PlannedKey {
    std::string signature;
    std::string text;
};

/// A volume whose keys are to be loaded.
struct PlannedVolume {
    const Volume* volume = nullptr;
    std::vector<PlannedKey> keys; ///< that are not in the kernel yet
};

/// One unlock. Every step is false when something is not plain. What is done before the lock is held, and
/// what with it, is as in load_volume() and load_automatic_volumes().
class PlainUnlock {
  public:
    PlainUnlock(BootKernel& kernel, const PlainPlaces& places, const BootJob& job, PlainReport& report)
        : kernel_(kernel), places_(places), notes_(places), job_(job), report_(report),
          obstacles_(places.paths(), {}, places.sources) {}

    [[nodiscard]] PlainOutcome run(const WaitNotice waits) {
        if (!read_manifest()) {
            return PlainOutcome::not_plain;
        }
        if (is_mounted()) {
            report_.way = PlainReport::Way::mounted_already;
            return PlainOutcome::done;
        }
        if (!(is_for_master() ? begin_master() : begin_volume())) {
            return PlainOutcome::not_plain;
        }
        RawLock lock{unlock_lock_of(places_)};
        if (!lock.is_held()) {
            waits();
            if (!lock.wait()) {
                return PlainOutcome::not_plain;
            }
            look_for_obstacles_again();
        }
        const RawSignalsHeld held;
        if (!(is_for_master() ? plan_master() : plan_volume())) {
            return PlainOutcome::not_plain;
        }
        if (planned_.empty()) {
            report_.way = PlainReport::Way::loaded_already;
            return PlainOutcome::done;
        }
        if (const BootForm form = kernel_.try_form(); form != BootForm::possible) {
            return form == BootForm::other ? PlainOutcome::other_form : PlainOutcome::not_plain;
        }
        return read_keys() && bring_in_master() && load_all() ? PlainOutcome::done : PlainOutcome::not_plain;
    }

  private:
    [[nodiscard]] bool is_for_master() const { return job_.kind == BootJob::Kind::master; }

    [[nodiscard]] bool read_manifest() {
        auto volumes = plain_volumes_of(places_);
        if (!volumes) {
            return false;
        }
        volumes_ = std::move(*volumes);
        look_for_obstacles_again();
        if (is_for_master()) {
            report_.master = job_.name;
            return std::ranges::any_of(volumes_, [&](const Volume& volume) { return is_automatic(volume); });
        }
        const auto found = std::ranges::find(volumes_, job_.name, &Volume::name);
        if (found == volumes_.end()) {
            return false;
        }
        own_ = &*found;
        report_.master = found->master;
        report_.volume = name_of(*found);
        return true;
    }

    [[nodiscard]] static PlainName name_of(const Volume& volume) {
        return {.name = volume.name, .mountpoint = volume.mountpoint};
    }

    [[nodiscard]] bool is_automatic(const Volume& volume) const {
        return volume.master == report_.master && !volume.noauto;
    }

    /// Only the list of mounts is asked, never the mount point: an automount there may be waiting for this
    /// very program.
    [[nodiscard]] bool is_mounted() const {
        if (own_ == nullptr) {
            return false;
        }
        const auto mounts = plain_mounts();
        return mounts && is_ecryptfs_at(*mounts, places_.root + own_->mountpoint);
    }

    /// What is mounted by now, and where the volumes of the manifest lie.
    void look_for_obstacles_again() {
        obstacles_ = MountObstacles{places_.paths(), volumes_, places_.sources};
    }

    /// May a look at its lower directory have to wait, or is its unit another's? Then only its own unlock
    /// loads its keys.
    [[nodiscard]] std::optional<bool> is_left_alone(const Volume& volume) {
        try {
            return obstacles_.is_left_alone(volume);
        } catch (const std::exception&) {
            return std::nullopt;
        }
    }

    /// Is the volume's ground as it was, and nobody else's? A refusal is for the program that can explain it:
    /// that looks again, and finds the notes as they were.
    [[nodiscard]] bool is_free_of_obstacles(const Volume& volume, const bool was_mounted) {
        try {
            return !obstacles_.to_mount(volume, was_mounted).has_value();
        } catch (const std::exception&) {
            return false;
        }
    }

    [[nodiscard]] bool begin_volume() {
        const bool was_mounted = notes_.state(own_->name) != PlainState::untouched;
        return is_free_of_obstacles(*own_, was_mounted) && believe_kernel(*own_) && has_no_user_keys(*own_);
    }

    /// At the beginning of a boot, whatever was stopped before counts as never asked for; not when somebody
    /// has started the unit again since.
    [[nodiscard]] bool begin_master() {
        is_boot_ = !may_exist(places_.paths().booted().string());
        if (is_boot_) {
            notes_.note_booting();
        }
        return std::ranges::all_of(volumes_, [&](const Volume& volume) {
            if (!is_automatic(volume)) {
                return true;
            }
            if (is_boot_) {
                notes_.forget_stopped(volume.name);
            }
            return believe_kernel(volume) && has_no_user_keys(volume);
        });
    }

    /// Where it does not have the keys, the note that they are loaded goes.
    [[nodiscard]] bool believe_kernel(const Volume& volume) {
        const auto is_there = is_loaded(volume);
        if (is_there == std::optional{false}) {
            notes_.forget_loaded(volume.name);
        }
        return is_there.has_value();
    }

    /// What is to be loaded, the volume that was asked for first. None when that is there already.
    [[nodiscard]] bool plan_volume() {
        const auto is_there = is_loaded(*own_);
        if (!is_there) {
            return false;
        }
        return *is_there ? notes_.mark_loaded(*own_, "") : fits_form(*own_) && add(*own_) && plan_others();
    }

    /// All automatic volumes.
    [[nodiscard]] bool plan_master() {
        return std::ranges::all_of(
            volumes_, [&](const Volume& volume) { return !is_automatic(volume) || plan_automatic(volume); });
    }

    /// Unless it is loaded, or was stopped meanwhile: then only whether it may be mounted still. A demand for
    /// the other form ends in a refusal, which must be explained.
    [[nodiscard]] bool plan_automatic(const Volume& volume) {
        const bool is_settled = notes_.state(volume.name) != PlainState::untouched;
        const auto is_alone = is_left_alone(volume);
        if (is_alone == std::optional{true}) {
            if (is_boot_) {
                notes_.forget_loaded(volume.name);
            }
            return true;
        }
        return is_alone && is_free_of_obstacles(volume, is_settled) &&
               (is_settled || (fits_form(volume) && add_or_note(volume)));
    }

    /// The first one whose keys are not there begins the job, and the rest comes along.
    [[nodiscard]] bool add_or_note(const Volume& volume) {
        if (own_ == nullptr) {
            const auto is_there = is_loaded(volume);
            if (!is_there) {
                return false;
            }
            if (*is_there) {
                return notes_.mark_loaded(volume, "");
            }
            own_ = &volume;
            report_.volume = name_of(volume);
        }
        return add(volume);
    }

    [[nodiscard]] bool plan_others() {
        return std::ranges::all_of(volumes_, [&](const Volume& other) {
            const bool comes_along = &other != own_ && is_automatic(other) && fits_form(other) &&
                                     notes_.state(other.name) == PlainState::untouched;
            const auto is_alone = comes_along ? is_left_alone(other) : true;
            return is_alone && (*is_alone || (is_free_of_obstacles(other, false) && add(other)));
        });
    }

    [[nodiscard]] bool fits_form(const Volume& volume) const {
        return volume.form == FormChoice::any || kernel_.form() == "trusted";
    }

    /// eCryptfs would take them instead of ours, and whoever unlocks says so.
    [[nodiscard]] bool has_no_user_keys(const Volume& volume) {
        return std::ranges::all_of(volume.signatures(), [&](const std::string& signature) {
            return kernel_.has_key("user", signature) == std::optional{false};
        });
    }

    [[nodiscard]] std::optional<bool> is_loaded(const Volume& volume) {
        bool is_there = true;
        for (const std::string& signature : volume.signatures()) {
            const auto has_key = kernel_.has_key("encrypted", signature);
            if (!has_key) {
                return std::nullopt;
            }
            is_there = is_there && *has_key;
        }
        return is_there;
    }

    /// With those of its keys that are neither in the kernel nor among what is to be loaded.
    [[nodiscard]] bool add(const Volume& volume) {
        PlannedVolume planned{.volume = &volume, .keys = {}};
        for (std::string& signature : volume.signatures()) {
            if (std::ranges::find(to_load_, signature) != to_load_.end()) {
                continue;
            }
            const auto is_there = kernel_.has_key("encrypted", signature);
            if (!is_there) {
                return false;
            }
            if (!*is_there) {
                to_load_.push_back(signature);
                planned.keys.push_back({.signature = std::move(signature), .text = {}});
            }
        }
        planned_.push_back(std::move(planned));
        return true;
    }

    /// While a replacement of files is unfinished, some are to be read elsewhere (core/store/store.hpp).
    [[nodiscard]] bool read_keys() {
        if (may_exist(places_.configuration + "/replacement")) {
            return false;
        }
        for (PlannedVolume& planned : planned_) {
            for (PlannedKey& key : planned.keys) {
                auto text = read_raw_file(places_.configuration + "/keys/" + key.signature + ".key");
                if (!text) {
                    return false;
                }
                while (text->ends_with('\n')) { // editors add them
                    text->pop_back();
                }
                if (!is_plain_key_text(*text) || !is_plainly_bound(*text, key.signature)) {
                    return false;
                }
                key.text = std::move(*text);
            }
        }
        return true;
    }

    [[nodiscard]] bool bring_in_master() {
        const auto text = read_raw_file(places_.configuration + "/masters/" + report_.master + ".json");
        const auto file = text ? read_plain_master(*text) : std::nullopt;
        if (!file || file->slots.empty() || !is_plainly_sealed(*file, report_.master)) {
            return false;
        }
        const auto present = kernel_.read_pcrs(file->needs());
        const PlainSlot* const slot = present ? fitting_slot(*file, *present) : nullptr;
        if (slot == nullptr ||
            !kernel_.bring_in({.master = report_.master,
                               .srk_name = file->srk_name,
                               .sealed = slot->sealed,
                               .selection = slot->selection}) ||
            !kernel_.prove(file->seal)) {
            return false;
        }
        report_.slot = slot->id;
        return true;
    }

    /// The keys of a volume first, then its note; the volume that was asked for is the last to be noted.
    [[nodiscard]] bool load_all() {
        for (const PlannedVolume& planned : planned_) {
            if (!load_keys_of(planned)) {
                return take_back();
            }
            if (planned.volume != own_) {
                if (!note(*planned.volume)) {
                    return take_back();
                }
                report_.along.push_back(name_of(*planned.volume));
            }
        }
        return note(*own_) || take_back();
    }

    [[nodiscard]] bool load_keys_of(const PlannedVolume& planned) {
        for (const PlannedKey& key : planned.keys) {
            if (!kernel_.load(key.signature, key.text)) {
                return false;
            }
            loaded_.push_back(key.signature);
        }
        return true;
    }

    [[nodiscard]] bool note(const Volume& volume) {
        noted_.push_back(volume.name);
        return notes_.mark_loaded(volume, kernel_.form());
    }

    /// Always false: that is how it went.
    [[nodiscard]] bool take_back() {
        for (const std::string_view signature : loaded_) {
            kernel_.unload(signature);
        }
        for (const std::string_view volume : noted_) {
            notes_.forget_loaded(volume);
        }
        report_.along.clear();
        return false;
    }

    BootKernel& kernel_;
    const PlainPlaces& places_;
    const PlainNotes notes_;
    const BootJob& job_;
    PlainReport& report_;
    MountObstacles obstacles_;
    bool is_boot_ = false; ///< with a master's job
    std::vector<Volume> volumes_;
    const Volume* own_ = nullptr; ///< that was asked for, or that a master's job begins with
    std::vector<PlannedVolume> planned_;
    std::vector<std::string> to_load_;     ///< signatures of keys
    std::vector<std::string_view> loaded_; ///< those in the kernel
    std::vector<std::string_view> noted_;  ///< names of volumes
};

/// Those that no other volume has, by its note, or by its mount where notes are gone. Nothing when that
/// cannot be read.
std::optional<std::vector<std::string>> not_shared_plainly(std::vector<std::string> signatures,
                                                           const PlainPlaces& places,
                                                           const std::vector<Volume>& volumes,
                                                           const std::string_view name) {
    const auto noted = PlainNotes{places}.signatures_of_others(name);
    const auto mounts = plain_mounts();
    if (!noted || !mounts) {
        return std::nullopt;
    }
    const auto is_mount_of_another = [&](const PlainMount& mount) {
        return std::ranges::any_of(volumes, [&](const Volume& volume) {
            return volume.name != name && places.root + volume.mountpoint == mount.mountpoint;
        });
    };
    std::erase_if(signatures, [&](const std::string& signature) {
        return std::ranges::find(*noted, signature) != noted->end() ||
               std::ranges::any_of(*mounts, [&](const PlainMount& mount) {
                   return mount.is_ecryptfs && mount.options.find("_sig=" + signature) != std::string::npos &&
                          is_mount_of_another(mount);
               });
    });
    return signatures;
}

/// Does nobody have it beside its own mount? Who does is for the program that can say so.
bool is_stopped_everywhere(const PlainPlaces& places, const Volume* const volume) {
    if (volume == nullptr) {
        return true;
    }
    try {
        return MountObstacles{places.paths(), {}, places.sources}.users_left(*volume, true).empty();
    } catch (const std::exception&) {
        return false;
    }
}

} // namespace

PlainOutcome plain_load(BootKernel& kernel, const PlainPlaces& places, const BootJob& job,
                        const WaitNotice waits, PlainReport& report) {
    return PlainUnlock{kernel, places, job, report}.run(waits);
}

PlainOutcome plain_unload(BootKernel& kernel, const PlainPlaces& places, const std::string_view name) {
    const auto volumes = plain_volumes_of(places);
    if (!volumes) {
        return PlainOutcome::not_plain;
    }
    const auto found = std::ranges::find(*volumes, name, &Volume::name);
    const Volume* const volume = found == volumes->end() ? nullptr : &*found;
    if (volume != nullptr && volume->keep_keys) {
        return is_stopped_everywhere(places, volume) ? PlainOutcome::done : PlainOutcome::not_plain;
    }
    RawLock lock{unlock_lock_of(places)};
    if (!lock.wait() || !is_stopped_everywhere(places, volume)) {
        return PlainOutcome::not_plain;
    }
    const PlainNotes notes{places};
    std::vector<std::string> signatures = notes.loaded_signatures(name);
    if (signatures.empty()) {
        if (volume == nullptr) {
            return PlainOutcome::not_plain; // they have to be guessed
        }
        signatures = volume->signatures();
    }
    const auto ours = not_shared_plainly(std::move(signatures), places, *volumes, name);
    if (!ours) {
        return PlainOutcome::not_plain;
    }
    // Keys first: if anything fails from here on, the note still names them.
    for (const std::string& signature : *ours) {
        if (!kernel.unload(signature)) {
            return PlainOutcome::not_plain;
        }
    }
    return notes.mark_stopped(name) ? PlainOutcome::done : PlainOutcome::not_plain;
}

} // namespace sealmount
