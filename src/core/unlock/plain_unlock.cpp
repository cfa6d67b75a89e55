// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/unlock/plain_unlock.hpp"

#include "core/unlock/plain_master.hpp"
#include "sys/raw/raw_file.hpp"

#include <algorithm>
#include <utility>

namespace sealmount {

namespace {

std::string unlock_lock_of(const PlainPlaces& places) {
    return places.runtime + "/unlock.lock";
}

/// An encrypted key that is to be loaded.
struct PlannedKey {
    std::string_view signature;
    std::string text;
};

/// A volume whose keys are to be loaded.
struct PlannedVolume {
    const PlainVolume* volume = nullptr;
    std::vector<PlannedKey> keys; ///< that are not in the kernel yet
};

/// Is the volume's ground as it was, and nobody else's? A refusal is for the program that can explain it.
// obstacle.hpp: THE CALL SITE. What `core/unlock/obstacle.hpp` finds against mounting this volume makes this
// false.
bool is_free_of_obstacles(const PlainVolume& /*volume*/) {
    return true;
}

/// One unlock. Every step is false when something is not plain.
class PlainUnlock {
  public:
    PlainUnlock(BootKernel& kernel, const PlainPlaces& places, const BootJob& job, PlainReport& report)
        : kernel_(kernel), places_(places), notes_(places), job_(job), report_(report) {}

    [[nodiscard]] PlainOutcome run(const WaitNotice waits) {
        if (!read_manifest()) {
            return PlainOutcome::not_plain;
        }
        if (is_mounted()) {
            report_.way = PlainReport::Way::mounted_already;
            return PlainOutcome::done;
        }
        RawLock lock{unlock_lock_of(places_)};
        if (!lock.is_held()) {
            waits();
            if (!lock.wait()) {
                return PlainOutcome::not_plain;
            }
        }
        const RawSignalsHeld held;
        if (!(job_.kind == BootJob::Kind::master ? plan_master() : plan_volume())) {
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
    [[nodiscard]] bool read_manifest() {
        auto text = read_raw_file(places_.configuration + "/manifest.json");
        if (!text) {
            return false;
        }
        manifest_ = std::move(*text);
        auto volumes = read_plain_manifest(manifest_);
        if (!volumes) {
            return false;
        }
        volumes_ = std::move(*volumes);
        if (job_.kind == BootJob::Kind::master) {
            report_.master = job_.name;
            return std::ranges::any_of(volumes_,
                                       [&](const PlainVolume& volume) { return is_automatic(volume); });
        }
        const auto found = std::ranges::find(volumes_, job_.name, &PlainVolume::name);
        if (found == volumes_.end()) {
            return false;
        }
        own_ = &*found;
        report_.master = found->master;
        report_.volume = name_of(*found);
        return true;
    }

    [[nodiscard]] static PlainName name_of(const PlainVolume& volume) {
        return {.name = std::string{volume.name}, .mountpoint = std::string{volume.mountpoint}};
    }

    [[nodiscard]] bool is_automatic(const PlainVolume& volume) const {
        return volume.master == report_.master && !volume.noauto;
    }

    /// Only the list of mounts is asked, never the mount point: an automount there may be waiting for this
    /// very program.
    [[nodiscard]] bool is_mounted() const {
        if (own_ == nullptr) {
            return false;
        }
        const auto mounts = plain_mounts();
        return mounts && is_ecryptfs_at(*mounts, places_.root + std::string{own_->mountpoint});
    }

    /// What is to be loaded, the volume that was asked for first. None when that is there already.
    [[nodiscard]] bool plan_volume() {
        const auto is_there = is_loaded(*own_);
        if (!is_there) {
            return false;
        }
        if (!*is_there) {
            notes_.forget_loaded(own_->name);
        }
        if (!has_no_user_keys(*own_)) {
            return false;
        }
        return *is_there ? notes_.mark_loaded(*own_, "") : fits_form(*own_) && add(*own_) && plan_others();
    }

    /// All automatic volumes, as at the beginning of a boot: whatever was stopped before counts as never
    /// asked for.
    [[nodiscard]] bool plan_master() {
        notes_.note_booting();
        for (const PlainVolume& volume : volumes_) {
            if (!is_automatic(volume)) {
                continue;
            }
            notes_.forget_stopped(volume.name);
            const auto is_there = is_loaded(volume);
            if (!is_there || !has_no_user_keys(volume)) {
                return false;
            }
            if (!*is_there) {
                notes_.forget_loaded(volume.name);
            }
        }
        for (const PlainVolume& volume : volumes_) {
            if (!is_automatic(volume) || notes_.state(volume.name) != PlainState::untouched) {
                continue;
            }
            const auto is_there = is_loaded(volume);
            if (!is_there) {
                return false;
            }
            if (!*is_there) { // this one is the first, and the rest comes along
                own_ = &volume;
                report_.volume = name_of(volume);
                return fits_form(volume) && add(volume) && plan_others();
            }
            if (!notes_.mark_loaded(volume, "")) {
                return false;
            }
        }
        return true;
    }

    [[nodiscard]] bool plan_others() {
        return std::ranges::all_of(volumes_, [&](const PlainVolume& other) {
            const bool comes_along = &other != own_ && is_automatic(other) && fits_form(other) &&
                                     notes_.state(other.name) == PlainState::untouched;
            return !comes_along || add(other);
        });
    }

    [[nodiscard]] bool fits_form(const PlainVolume& volume) const {
        return !volume.trusted_only || kernel_.form() == "trusted";
    }

    /// eCryptfs would take them instead of ours, and whoever unlocks says so.
    [[nodiscard]] bool has_no_user_keys(const PlainVolume& volume) {
        return volume.all_signatures([&](const std::string_view signature) {
            return kernel_.has_key("user", signature) == std::optional{false};
        });
    }

    [[nodiscard]] std::optional<bool> is_loaded(const PlainVolume& volume) {
        bool is_there = true;
        const bool is_known = volume.all_signatures([&](const std::string_view signature) {
            const auto has_key = kernel_.has_key("encrypted", signature);
            is_there = is_there && has_key.value_or(false);
            return has_key.has_value();
        });
        return is_known ? std::optional{is_there} : std::nullopt;
    }

    /// With those of its keys that are neither in the kernel nor among what is to be loaded.
    [[nodiscard]] bool add(const PlainVolume& volume) {
        PlannedVolume planned{.volume = &volume, .keys = {}};
        const bool is_known = volume.all_signatures([&](const std::string_view signature) {
            if (std::ranges::find(to_load_, signature) != to_load_.end()) {
                return true;
            }
            const auto is_there = kernel_.has_key("encrypted", signature);
            if (is_there == std::optional{false}) {
                planned.keys.push_back({.signature = signature, .text = {}});
            }
            return is_there.has_value();
        });
        for (const PlannedKey& key : planned.keys) {
            to_load_.push_back(key.signature);
        }
        planned_.push_back(std::move(planned));
        return is_known && is_free_of_obstacles(volume);
    }

    /// While a replacement of files is unfinished, some are to be read elsewhere (core/store/store.hpp).
    [[nodiscard]] bool read_keys() {
        if (may_exist(places_.configuration + "/replacement")) {
            return false;
        }
        for (PlannedVolume& planned : planned_) {
            for (PlannedKey& key : planned.keys) {
                auto text =
                    read_raw_file(places_.configuration + "/keys/" + std::string{key.signature} + ".key");
                if (!text) {
                    return false;
                }
                while (text->ends_with('\n')) { // editors add them
                    text->pop_back();
                }
                if (!is_plain_key_text(*text)) {
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
        if (!file || file->slots.empty()) {
            return false;
        }
        const auto present = kernel_.read_pcrs(file->needs());
        const PlainSlot* const slot = present ? fitting_slot(*file, *present) : nullptr;
        if (slot == nullptr || !kernel_.bring_in({.master = report_.master,
                                                  .srk_name = file->srk_name,
                                                  .sealed = slot->sealed,
                                                  .selection = slot->selection})) {
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

    [[nodiscard]] bool note(const PlainVolume& volume) {
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
    std::string manifest_; ///< what the volumes refer to
    std::vector<PlainVolume> volumes_;
    const PlainVolume* own_ = nullptr; ///< that was asked for, or that a master's job begins with
    std::vector<PlannedVolume> planned_;
    std::vector<std::string_view> to_load_;
    std::vector<std::string_view> loaded_;
    std::vector<std::string_view> noted_;
};

/// Those that no other volume has, by its note, or by its mount where notes are gone. Nothing when that
/// cannot be read.
std::optional<std::vector<std::string>> not_shared_plainly(std::vector<std::string> signatures,
                                                           const PlainPlaces& places,
                                                           const std::vector<PlainVolume>& volumes,
                                                           const std::string_view name) {
    const auto noted = PlainNotes{places}.signatures_of_others(name);
    const auto mounts = plain_mounts();
    if (!noted || !mounts) {
        return std::nullopt;
    }
    const auto is_of_another = [&](const PlainMount& mount) {
        return std::ranges::any_of(volumes, [&](const PlainVolume& volume) {
            return volume.name != name && places.root + std::string{volume.mountpoint} == mount.mountpoint;
        });
    };
    std::erase_if(signatures, [&](const std::string& signature) {
        return std::ranges::find(*noted, signature) != noted->end() ||
               std::ranges::any_of(*mounts, [&](const PlainMount& mount) {
                   return mount.is_ecryptfs && mount.options.find("_sig=" + signature) != std::string::npos &&
                          is_of_another(mount);
               });
    });
    return signatures;
}

} // namespace

PlainOutcome plain_load(BootKernel& kernel, const PlainPlaces& places, const BootJob& job,
                        const WaitNotice waits, PlainReport& report) {
    return PlainUnlock{kernel, places, job, report}.run(waits);
}

PlainOutcome plain_unload(BootKernel& kernel, const PlainPlaces& places, const std::string_view name) {
    const auto text = read_raw_file(places.configuration + "/manifest.json");
    const auto volumes = text ? read_plain_manifest(*text) : std::nullopt;
    if (!volumes) {
        return PlainOutcome::not_plain;
    }
    const auto found = std::ranges::find(*volumes, name, &PlainVolume::name);
    const PlainVolume* const volume = found == volumes->end() ? nullptr : &*found;
    if (volume != nullptr && volume->keep_keys) {
        return PlainOutcome::done;
    }
    RawLock lock{unlock_lock_of(places)};
    if (!lock.wait()) {
        return PlainOutcome::not_plain;
    }
    const PlainNotes notes{places};
    std::vector<std::string> signatures = notes.loaded_signatures(name);
    if (signatures.empty() && volume != nullptr) {
        static_cast<void>(volume->all_signatures([&](const std::string_view signature) {
            signatures.emplace_back(signature);
            return true;
        }));
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
