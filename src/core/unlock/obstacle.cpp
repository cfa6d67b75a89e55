// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/unlock/obstacle.hpp"

#include "core/volume/taken_places.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace sealmount {

namespace {

/// A volume on its own lower directory, with an automount there: a look at the directory would start the
/// mount that waits for us.
bool is_behind_automount(const Paths& paths, const MountView& view, const Volume& volume) {
    const MountLine* const line = view.table().covering(paths.below_root(volume.lower).string());
    return line != nullptr && line->type == "autofs" &&
           line->mountpoint == paths.below_root(volume.mountpoint).string();
}

} // namespace

const MountView& MountObstacles::view() {
    if (!view_) {
        view_ = view_for(paths_, Viewer::service_manager, sources_.proc);
    }
    return *view_;
}

const EcryptfsMounts& MountObstacles::mounts() {
    if (!mounts_) {
        mounts_ = EcryptfsMounts::look(sources_.proc, view(), EcryptfsMounts::held_by_kernel(sources_.sysfs));
    }
    return *mounts_;
}

const std::vector<DetachedUse>& MountObstacles::detached() {
    if (!detached_) {
        const auto held = EcryptfsMounts::held_by_kernel(sources_.sysfs);
        detached_ =
            held && *held <= mounts().devices().size()
                ? std::vector<DetachedUse>{}
                : detached_uses(sources_.proc, devices_in_tables(view(), mounts()), sources_.is_ecryptfs);
    }
    return *detached_;
}

/// Of two volumes in one place that are both mounted at boot, the first one of the manifest is; what is
/// mounted already would not show it, because they start at the same time.
const std::map<std::string, std::string>& MountObstacles::overlaps() {
    if (!overlaps_) {
        overlaps_.emplace();
        TakenPlaces earlier{paths_, view()};
        for (const Volume& volume : volumes_) {
            if (auto conflict = earlier.conflict_with(volume)) {
                overlaps_->emplace(volume.name, std::move(*conflict));
            } else if (!volume.noauto) {
                earlier.add(volume);
            }
        }
    }
    return *overlaps_;
}

/// Whose mount comes first, because the path of this one's mount point leads through it.
bool MountObstacles::is_in_unmounted_volume(const Volume& volume) {
    return std::ranges::any_of(volumes_, [&](const Volume& other) {
        return other.name != volume.name && other.mountpoint != volume.mountpoint &&
               is_in(volume.mountpoint, other.mountpoint) && !is_volume_mounted(paths_, view(), other);
    });
}

/// Where something is mounted on the mount point already, an automount of its own, its guard is below it, and
/// was looked at before.
std::optional<Problem> MountObstacles::problem_with_paths(const Volume& volume) {
    if (auto problem = problem_with_lower(volume, look_along_lower(paths_, view(), volume))) {
        return problem;
    }
    if (is_in_unmounted_volume(volume)) {
        return std::nullopt; // it cannot be mounted before that one is
    }
    const bool is_covered =
        view().table().mounted_at(paths_.below_root(volume.mountpoint).string()) != nullptr;
    return problem_with_mountpoint(volume,
                                   is_covered ? look_towards_mountpoint(paths_, view(), volume)
                                              : look_along_mountpoint(paths_, view(), volume),
                                   is_covered ? LastComponent::guarded : LastComponent::as_it_is);
}

bool MountObstacles::may_wait(const Volume& volume) {
    if (is_in_unmounted_volume(volume)) {
        return true;
    }
    constexpr std::array<std::string_view, 8> slow = {"autofs", "nfs",  "nfs4", "cifs",
                                                      "smb3",   "ceph", "afs",  "9p"};
    const MountLine* const line = view().table().covering(paths_.below_root(volume.lower).string());
    return line != nullptr &&
           (std::ranges::find(slow, line->type) != slow.end() || line->type.starts_with("fuse"));
}

const OtherUnits& MountObstacles::other_units() {
    if (!other_units_) {
        other_units_ = OtherUnits::look(paths_);
    }
    return *other_units_;
}

bool MountObstacles::is_left_alone(const Volume& volume) {
    return other_units().stand_for(volume) || may_wait(volume);
}

std::optional<Refusal> MountObstacles::to_mount(const Volume& volume, const bool was_mounted) {
    if (is_volume_mounted(paths_, view(), volume) || is_behind_automount(paths_, view(), volume)) {
        return std::nullopt;
    }
    if (auto problem = problem_with_paths(volume)) {
        return Refusal{.kind = RefusalKind::place_unsafe, .detail = std::move(problem->message)};
    }
    if (auto problem = problem_with_ground(volume, look_at_lower(paths_, view(), volume))) {
        return Refusal{.kind = RefusalKind::ground_changed, .detail = std::move(*problem)};
    }
    if (const auto overlap = overlaps().find(volume.name); overlap != overlaps().end()) {
        return Refusal{.kind = RefusalKind::lower_in_use, .detail = overlap->second};
    }
    auto users = other_mounts_of(paths_, view(), mounts(), volume);
    if (users.empty() && was_mounted) {
        users = detached_users_of(paths_, view(), detached(), volume, true);
    }
    if (users.empty()) {
        return std::nullopt;
    }
    return Refusal{.kind = RefusalKind::lower_in_use, .detail = std::move(users.front())};
}

std::vector<std::string> MountObstacles::users_left(const Volume& volume, const bool is_suspected) {
    std::vector<std::string> users = other_mounts_of(paths_, view(), mounts(), volume);
    for (std::string& user : detached_users_of(paths_, view(), detached(), volume, is_suspected)) {
        users.push_back(std::move(user));
    }
    return users;
}

} // namespace sealmount
