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
        : kernel_(kernel), places_(places), job_(job), report_(report) {}

    [[nodiscard]] PlainOutcome run(const WaitNotice waits) {
        if (!read_manifest()) {
            return PlainOutcome::not_plain;
        }
        RawLock lock{unlock_lock_of(places_)};
        if (!lock.is_held()) {
            waits();
            if (!lock.wait()) {
                return PlainOutcome::not_plain;
            }
        }
        const RawSignalsHeld held;
        if (!plan()) {
            return PlainOutcome::not_plain;
        }
        if (planned_.empty()) {
            report_.was_loaded = true;
            return note_as_loaded_already() ? PlainOutcome::done : PlainOutcome::not_plain;
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
            return true;
        }
        const auto found = std::ranges::find(volumes_, job_.name, &PlainVolume::name);
        if (found == volumes_.end()) {
            return false;
        }
        own_ = &*found;
        report_.master = found->master;
        return true;
    }

    /// What is to be loaded, the volume that was asked for first.
    [[nodiscard]] bool plan() {
        if (own_ != nullptr) {
            if (!has_no_user_keys(*own_) || !add_unless_loaded(*own_)) {
                return false;
            }
            if (planned_.empty()) {
                return true;
            }
            if (!fits_form(*own_)) {
                return false;
            }
        }
        for (const PlainVolume& other : volumes_) {
            if (&other == own_ || other.master != report_.master || other.noauto || !fits_form(other)) {
                continue;
            }
            const auto note = read_plain_note(places_, other.name);
            if (!note || (note->is_untouched() && !add_unless_loaded(other))) {
                return false;
            }
        }
        return true;
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

    [[nodiscard]] bool add_unless_loaded(const PlainVolume& volume) {
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
        if (!is_known || planned.keys.empty()) {
            return is_known;
        }
        for (const PlannedKey& key : planned.keys) {
            to_load_.push_back(key.signature);
        }
        planned_.push_back(std::move(planned));
        return is_free_of_obstacles(volume);
    }

    [[nodiscard]] bool note_as_loaded_already() {
        if (own_ == nullptr) {
            return true;
        }
        const auto note = read_plain_note(places_, own_->name);
        return note && write_plain_note(places_, *own_, "loaded", note->how());
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
        if (own_ != nullptr && !write_plain_note(places_, *own_, "loading", "-")) {
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

    [[nodiscard]] bool load_all() {
        for (const PlannedVolume& planned : planned_) {
            const bool is_own = planned.volume == own_;
            if (!load_keys_of(planned, is_own)) {
                return take_back();
            }
            if (!is_own) {
                report_.along.emplace_back(planned.volume->name);
            }
        }
        const bool is_noted = own_ == nullptr || write_plain_note(places_, *own_, "loaded", kernel_.form());
        return is_noted || take_back();
    }

    /// Always false: that is how it went.
    [[nodiscard]] bool take_back() {
        for (const std::string_view signature : loaded_) {
            kernel_.unload(signature);
        }
        report_.along.clear();
        return false;
    }

    [[nodiscard]] bool load_keys_of(const PlannedVolume& planned, const bool is_own) {
        if (!is_own && !write_plain_note(places_, *planned.volume, "along", kernel_.form())) {
            return false;
        }
        for (const PlannedKey& key : planned.keys) {
            if (!kernel_.load(key.signature, key.text)) {
                return false;
            }
            loaded_.push_back(key.signature);
        }
        return true;
    }

    BootKernel& kernel_;
    const PlainPlaces& places_;
    const BootJob& job_;
    PlainReport& report_;
    std::string manifest_; ///< what the volumes refer to
    std::vector<PlainVolume> volumes_;
    const PlainVolume* own_ = nullptr; ///< that was asked for; none with a master's job
    std::vector<PlannedVolume> planned_;
    std::vector<std::string_view> to_load_;
    std::vector<std::string_view> loaded_;
};

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
    if (found != volumes->end() && found->keep_keys) {
        return PlainOutcome::done;
    }
    RawLock lock{unlock_lock_of(places)};
    if (!lock.wait()) {
        return PlainOutcome::not_plain;
    }
    const RawSignalsHeld held;
    const auto stop = plan_plain_stop(places, name);
    if (!stop) {
        return PlainOutcome::not_plain;
    }
    if (!stop->is_needed) {
        return PlainOutcome::done;
    }
    // Keys first: if anything fails from here on, the note still names them.
    for (const std::string& signature : stop->signatures) {
        if (!kernel.unload(signature)) {
            return PlainOutcome::not_plain;
        }
    }
    return note_plain_stop(places, name, *stop) ? PlainOutcome::done : PlainOutcome::not_plain;
}

} // namespace sealmount
