// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/volume/volume_ground.hpp"

#include "base/format.hpp"

#include <cerrno>
#include <system_error>

namespace sealmount {

namespace {

std::string lower_path(const Paths& paths, const Volume& volume) {
    return paths.below_root(volume.lower).string();
}

std::string mountpoint_path(const Paths& paths, const Volume& volume) {
    return paths.below_root(volume.mountpoint).string();
}

/// A mount would meet the same. What is closed to us, or a sandbox forbids, is not gone.
bool is_gone(const int error) {
    switch (error) {
    case ENOENT:
    case ENOTDIR:
    case ELOOP:
    case ESTALE:
    case ENOTCONN:
    case ENXIO:
    case ENODEV:
    case EIO:
        return true;
    default:
        return false;
    }
}

bool is_another(const Ground& was, const Ground& now) {
    const bool was_unknown = was.uuid.empty() && was.inode == 0;
    if (was.inode != now.inode && (was.inode != 0 || was_unknown)) {
        return true;
    }
    if (was.generation && now.generation && *was.generation != *now.generation) {
        return true;
    }
    // An older kernel may not say what it is.
    return !was.uuid.empty() && !now.uuid.empty() && was.uuid != now.uuid;
}

/// UUID, inode and generation, known then and now, show the same directory: then its owner has emptied it.
bool is_proven(const Ground& was, const Ground& now) {
    return !was.uuid.empty() && was.uuid == now.uuid && was.inode != 0 && was.inode == now.inode &&
           was.generation && was.generation == now.generation;
}

std::string with_type(const GroundLook& look) {
    return look.type.empty() ? describe(look.ground) : formatted("{} ({})", describe(look.ground), look.type);
}

std::string in_namespace_of(const ProcessName& process) {
    return process.id == 0
               ? std::string{}
               : formatted(" in the mount namespace of process {} ({})", process.id, process.command);
}

/// How the mount's lower directory lies to the volume's.
Nearness nearness_of(const EcryptfsMount& mount, const FilePlace& lower) {
    for (const FilePlace& place : mount.places) {
        if (const Nearness found = nearness(place, lower); found != Nearness::apart) {
            return found;
        }
    }
    return Nearness::apart;
}

std::string mount_sentence(const EcryptfsMount& mount, const Nearness near, const Volume& volume) {
    const std::string where = formatted("mounted on {}{}", mount.mountpoint, in_namespace_of(mount.process));
    switch (near) {
    case Nearness::same:
        return formatted("{} is {} already", volume.lower, where);
    case Nearness::above:
        return formatted("{}, which holds {}, is {}", mount.source, volume.lower, where);
    case Nearness::below:
        return formatted("{}, which lies in {}, is {}", mount.source, volume.lower, where);
    case Nearness::apart:
        break;
    }
    return {};
}

} // namespace

MountView view_for(const Paths& paths, const Viewer viewer, const std::filesystem::path& proc) {
    if (viewer == Viewer::service_manager && paths.is_running_system()) {
        auto view = MountView::of(proc / "1");
        if (!view || !view->reaches_root()) {
            view = MountView::of_through(proc / "1", proc / "self");
        }
        if (view) {
            return std::move(*view);
        }
    }
    auto view = MountView::of(proc / "self");
    if (!view) {
        throw_errno(errno != 0 ? errno : EIO, (proc / "self/mountinfo").string());
    }
    return std::move(*view);
}

std::expected<GroundLook, int> look_at_lower(const Paths& paths, const MountView& view,
                                             const Volume& volume) {
    return look_at_ground(view, lower_path(paths, volume));
}

std::optional<std::string> problem_with_ground(const Volume& volume,
                                               const std::expected<GroundLook, int>& look) {
    if (!look) {
        if (!is_gone(look.error())) {
            return std::nullopt;
        }
        return formatted("{} is not there ({}){}", volume.lower,
                         std::generic_category().message(look.error()),
                         volume.ground ? formatted("; it was {}", describe(*volume.ground)) : "");
    }
    if (!volume.ground) {
        return std::nullopt;
    }
    const Ground& was = *volume.ground;
    if (is_another(was, look->ground)) {
        return formatted("{} is another directory: it was {}, and now is {}", volume.lower, describe(was),
                         with_type(*look));
    }
    if (look->is_empty.value_or(false) && !was.empty && !is_proven(was, look->ground)) {
        return formatted("{} is empty, and was not: it was {}, and now is {}", volume.lower, describe(was),
                         with_type(*look));
    }
    return std::nullopt;
}

bool is_volume_mounted(const Paths& paths, const MountView& view, const Volume& volume) {
    const MountLine* const line = view.table().mounted_at(mountpoint_path(paths, volume));
    return line != nullptr && line->type == "ecryptfs";
}

std::vector<std::string> other_mounts_of(const Paths& paths, const MountView& view,
                                         const EcryptfsMounts& mounts, const Volume& volume) {
    std::vector<std::string> sentences;
    const std::string path = lower_path(paths, volume);
    const std::string lower = view.resolved(path).value_or(path);
    const std::string own_mountpoint = mountpoint_path(paths, volume);
    const auto place = view.table().place_of(lower);
    const MountLine* const below = view.table().covering(lower);
    if (below != nullptr && below->type == "ecryptfs" && below->mountpoint != own_mountpoint) {
        sentences.push_back(formatted("{} lies in an eCryptfs volume itself, which is mounted on {}",
                                      volume.lower, below->mountpoint));
    }
    for (const EcryptfsMount& mount : mounts.list()) {
        const bool is_ours = mount.process.id == 0;
        if (is_ours && mount.mountpoint == own_mountpoint) {
            continue;
        }
        const Nearness near = place ? nearness_of(mount, *place) : Nearness::apart;
        if (near != Nearness::apart) {
            sentences.push_back(mount_sentence(mount, near, volume));
        } else if (is_ours && lower != own_mountpoint && is_in(mount.mountpoint, lower)) {
            sentences.push_back(
                formatted("an eCryptfs volume is mounted on {}, in {}", mount.mountpoint, volume.lower));
        }
    }
    return sentences;
}

std::vector<std::string> detached_users_of(const Paths& paths, const MountView& view,
                                           const std::vector<DetachedUse>& uses, const Volume& volume,
                                           const bool is_suspected) {
    std::vector<std::string> sentences;
    const std::string lower = lower_path(paths, volume);
    for (const DetachedUse& use : uses) {
        const IsItsMount is_its = is_mount_of_lower(use, view, lower);
        const std::string who = formatted("process {} ({})", use.process.id, use.process.command);
        if (is_its == IsItsMount::yes) {
            sentences.push_back(
                formatted("{} is still in use: {} has {} open in a mount that was unmounted lazily",
                          volume.lower, who, use.path));
        } else if (is_its == IsItsMount::unknown && is_suspected) {
            sentences.push_back(formatted("{} may still be in use: {} has {} open in an eCryptfs mount that "
                                          "was unmounted lazily, on the "
                                          "same file system, and nothing shows which directory that was",
                                          volume.lower, who, use.path));
        }
    }
    return sentences;
}

std::set<std::string> devices_in_tables(const MountView& view, const EcryptfsMounts& mounts) {
    std::set<std::string> devices = mounts.devices();
    for (const MountLine& line : view.table().lines()) {
        devices.insert(line.device);
    }
    return devices;
}

} // namespace sealmount
