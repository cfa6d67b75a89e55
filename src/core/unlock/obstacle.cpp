// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/unlock/obstacle.hpp"

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

std::optional<Refusal> MountObstacles::to_mount(const Volume& volume, const bool was_mounted) {
    if (is_volume_mounted(paths_, view(), volume) || is_behind_automount(paths_, view(), volume)) {
        return std::nullopt;
    }
    if (auto problem = problem_with_ground(volume, look_at_lower(paths_, view(), volume))) {
        return Refusal{.kind = RefusalKind::ground_changed, .detail = std::move(*problem)};
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

std::optional<Refusal> obstacle_to_mount(const Paths& paths, const Volume& volume, const bool was_mounted) {
    return MountObstacles{paths}.to_mount(volume, was_mounted);
}

} // namespace sealmount
