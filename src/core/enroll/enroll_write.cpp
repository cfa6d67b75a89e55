// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/enroll/enroll_write.hpp"

#include "base/format.hpp"
#include "sys/files/files.hpp"
#include "sys/files/guard.hpp"

#include <filesystem>

namespace sealmount {

namespace {

/// The mount point as an enrollment makes it, so that a failed one can take it back.
class GuardedMountpoint {
  public:
    explicit GuardedMountpoint(std::filesystem::path place) : place_(std::move(place)) {
        for (auto missing = place_; !std::filesystem::exists(missing); missing = missing.parent_path()) {
            made_.push_back(missing);
        }
    }

    /// Nothing, or why it could not be guarded.
    std::optional<std::string> set() {
        try {
            make_directory(place_, mountpoint_mode);
        } catch (const Error& error) {
            return error.what();
        }
        const bool was_guarded = is_guarded(place_);
        if (const auto guarded = set_guard(place_); !guarded) {
            return guarded.error();
        }
        set_ = !was_guarded;
        return std::nullopt;
    }

    void take_back() const noexcept {
        if (set_) {
            static_cast<void>(lift_guard(place_));
        }
        for (const auto& directory : made_) {
            std::error_code stays;
            std::filesystem::remove(directory, stays);
        }
    }

  private:
    static constexpr mode_t mountpoint_mode = 0755;
    std::filesystem::path place_;
    std::vector<std::filesystem::path> made_; ///< with the parents, from below
    bool set_ = false;
};

/// What is left to do when a write failed, even if that fails as well.
template<typename Action>
void attempt(const Action& action) noexcept {
    try {
        action();
    } catch (const std::exception&) { // NOLINT(bugprone-empty-catch): the first failure is the one to report
    }
}

bool holds(const Store& store, const std::string& signature, const std::string& text) {
    try {
        return store.key(signature) == text;
    } catch (const Error&) {
        return false; // damaged
    }
}

/// Past the commit point there is no way back: a failure there (a directory that cannot be synchronized)
/// leaves a volume that opens. Where that is not known, it is committed: nothing is taken from a volume.
bool is_committed(const Store& store, const Volume& volume) noexcept {
    try {
        return store.manifest().find(volume.name) != nullptr;
    } catch (const std::exception&) {
        return true;
    }
}

/// A volume that was enrolled before grounds were recorded, or while its lower directory was empty.
bool is_ground_to_be_written(const Store& store, const Volume& volume) {
    const Manifest manifest = store.manifest();
    const Volume* const before = manifest.find(volume.name);
    return before != nullptr && volume.ground &&
           (!before->ground || (before->ground->empty && !volume.ground->empty));
}

/// Writes in the order of the store's rule. What is new is taken back when a later write fails; the manifest
/// is last, so until then nothing refers to it.
void write_all(const Store& store, const EnrolledMaster& master, const KeyTexts& texts, Enrolled& enrolled) {
    const Volume& volume = enrolled.volume;
    const bool was_there = is_committed(store, volume);
    std::vector<std::string> new_keys;
    try {
        if (master.is_new || master.recovery_slot) {
            store.write_master(volume.master, master.file);
            enrolled.files.push_back(store.paths().master(volume.master).string());
        }
        for (const auto& [signature, text] : texts) {
            if (!store.has_key(signature)) {
                new_keys.push_back(signature);
            } else if (holds(store, signature, text)) {
                continue;
            }
            store.write_key(signature, text);
            enrolled.files.push_back(store.paths().key(signature).string());
        }
        if (!was_there) {
            store.write_manifest(manifest_with(store.manifest_text(), volume));
            enrolled.files.push_back(store.paths().manifest().string());
        } else if (is_ground_to_be_written(store, volume)) {
            store.write_manifest(manifest_with_ground(store.manifest_text(), volume.name, *volume.ground));
            enrolled.files.push_back(store.paths().manifest().string());
        }
    } catch (const Error&) {
        if (is_committed(store, volume)) {
            throw;
        }
        for (const std::string& signature : new_keys) {
            attempt([&] { store.remove_key(signature); });
        }
        if (master.is_new) {
            attempt([&] { store.remove_master(volume.master); });
        }
        throw;
    }
}

} // namespace

void guard_and_write(const Store& store, const bool guard, const EnrolledMaster& master,
                     const KeyTexts& texts, Enrolled& enrolled) {
    const Volume& volume = enrolled.volume;
    GuardedMountpoint mountpoint{store.paths().below_root(volume.mountpoint)};
    if (guard && volume.mountpoint != volume.lower) {
        const auto problem = mountpoint.set();
        enrolled.guarded = !problem;
        if (problem) {
            enrolled.warnings.push_back(
                {.message =
                     formatted("{} cannot be guarded: {}; while the volume is not mounted, programs may "
                               "write plaintext there",
                               volume.mountpoint, *problem),
                 .advice = {.kind = AdviceKind::guard_by_hand}});
        }
    }
    try {
        write_all(store, master, texts, enrolled);
    } catch (const Error&) {
        if (!is_committed(store, volume)) {
            mountpoint.take_back();
        }
        throw;
    }
}

} // namespace sealmount
