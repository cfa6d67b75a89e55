// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/enroll/enroll.hpp"

#include "base/format.hpp"
#include "core/volume/unit_text.hpp"
#include "sys/files/guard.hpp"
#include "sys/files/mounts.hpp"

#include <algorithm>

namespace sealmount {

namespace {

void check_not_mounted(const Store& store, const Volume& volume) {
    if (const auto mounted = mount_at(store.paths().below_root(volume.mountpoint));
        mounted && mounted->type == "ecryptfs") {
        throw Error{Reason::refused,
                    formatted("{} is mounted", volume.mountpoint),
                    {.kind = AdviceKind::stop_unit, .subject = mount_unit_name(volume.mountpoint)}};
    }
}

/// The keys and the master key of a volume that has left the manifest, where no volume that is there uses
/// them.
void remove_unused(const Store& store, const Volume& volume, const std::vector<Volume>& others,
                   std::vector<std::string>& removed) {
    for (const std::string& signature : volume.signatures()) {
        const bool shared = std::ranges::any_of(others, [&](const Volume& other) {
            return std::ranges::count(other.signatures(), signature) > 0;
        });
        if (!shared && store.has_key(signature)) {
            store.remove_key(signature);
            removed.push_back(store.paths().key(signature).string());
        }
    }
    if (std::ranges::none_of(others, [&](const Volume& other) { return other.master == volume.master; }) &&
        store.has_master(volume.master)) {
        store.remove_master(volume.master);
        removed.push_back(store.paths().master(volume.master).string());
    }
}

/// Where enrolling sets the guard. Nowhere ("") when the volume is mounted onto its own lower directory.
std::filesystem::path guarded_place(const Store& store, const Volume& volume) {
    return volume.mountpoint == volume.lower ? std::filesystem::path{}
                                             : store.paths().below_root(volume.mountpoint);
}

/// Lifts the guard, until something fails: a removal that did not happen leaves the mount point as it was.
class LiftedGuard {
  public:
    explicit LiftedGuard(std::filesystem::path mountpoint)
        : mountpoint_(std::move(mountpoint)), was_guarded_(is_guarded(mountpoint_)) {
        if (auto lifted = lift_guard(mountpoint_); !lifted) {
            problem_ = std::move(lifted.error());
        }
    }
    LiftedGuard(const LiftedGuard&) = delete;
    LiftedGuard& operator=(const LiftedGuard&) = delete;
    ~LiftedGuard() {
        if (was_guarded_ && !for_good_) {
            static_cast<void>(set_guard(mountpoint_));
        }
    }

    [[nodiscard]] const std::optional<std::string>& problem() const { return problem_; }
    void for_good() { for_good_ = true; }

  private:
    std::filesystem::path mountpoint_;
    bool was_guarded_;
    bool for_good_ = false;
    std::optional<std::string> problem_;
};

} // namespace

bool is_half_removed(const Store& store, const std::string_view name) {
    return store.manifest().find(name) == nullptr && store.removal().find(name) != nullptr;
}

std::vector<std::string> finish_removals(const Store& store) {
    const std::vector<Volume> volumes = store.removal().volumes;
    std::vector<std::string> removed;
    if (volumes.empty()) {
        return removed;
    }
    const Manifest manifest = store.manifest();
    // A volume that cannot be read may need any of the files.
    if (!manifest.problems.empty()) {
        return removed;
    }
    for (const Volume& volume : volumes) {
        remove_unused(store, volume, manifest.volumes, removed);
        // Lifted before the record was written; but a failure may have set it again.
        if (std::ranges::none_of(manifest.volumes, [&](const Volume& other) {
                return other.mountpoint == volume.mountpoint;
            })) {
            static_cast<void>(lift_guard(guarded_place(store, volume)));
        }
    }
    store.remove_removal();
    return removed;
}

Removed remove_volume(const Store& store, const std::string_view name) {
    if (is_half_removed(store, name)) {
        if (const auto problems = store.manifest().problems; !problems.empty()) {
            throw problems.front().in(store.paths().manifest().string());
        }
        return {.files = finish_removals(store)};
    }
    const Volume volume = store.volume(name);
    check_not_mounted(store, volume);
    const std::string remaining = manifest_without(store.manifest_text(), name);
    store.check_writable();
    finish_removals(store);
    Removed removed;
    LiftedGuard guard{guarded_place(store, volume)};
    if (guard.problem()) {
        removed.warnings.push_back(
            {.message = formatted("{} stays immutable: {}", volume.mountpoint, *guard.problem()),
             .advice = {.kind = AdviceKind::lift_guard_by_hand}});
    }
    // From here on a removal that is killed can be continued, by name.
    try {
        store.write_removal(volume);
        store.write_manifest(remaining);
    } catch (const Error&) {
        if (!is_half_removed(store, name)) {
            store.remove_removal();
        }
        throw;
    }
    guard.for_good();
    removed.files.push_back(store.paths().manifest().string());
    remove_unused(store, volume, read_manifest(remaining).volumes, removed.files);
    store.remove_removal();
    return removed;
}

} // namespace sealmount
