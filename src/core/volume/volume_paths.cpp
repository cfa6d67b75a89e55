// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/volume/volume_paths.hpp"

#include "base/format.hpp"

#include <cerrno>
#include <fcntl.h>

namespace sealmount {

namespace {

PathLook look_along(const Paths& paths, const MountView& view, const std::string& path,
                    const PathLinks links) {
    const UniqueFd top = view.open(paths.below_root("/").string(), O_PATH | O_DIRECTORY);
    if (!top) {
        PathLook closed;
        closed.error = errno;
        return closed;
    }
    return look_along_path(top.get(), path, links);
}

/// "user 1000, the owner of /home/anna"
std::string who_can(const Swap& swap) {
    switch (swap.by) {
    case SwapBy::owner:
        return formatted("user {}, whose directory {} is", swap.id, swap.holder);
    case SwapBy::own:
        return formatted("user {}, to whom it belongs", swap.id);
    case SwapBy::group:
        return formatted("the members of group {}, who may write to {}", swap.id, swap.holder);
    case SwapBy::listed:
        return formatted("those whom the access list of {} lets write", swap.holder);
    case SwapBy::everybody:
        return formatted("everybody, since everybody may write to {}", swap.holder);
    }
    return {};
}

Problem swap_problem(const AdviceKind kind, const Swap& swap, std::string message) {
    return {.message = std::move(message),
            .advice = {.kind = kind, .subject = swap.component, .other = swap.holder}};
}

} // namespace

PathLook look_along_mountpoint(const Paths& paths, const MountView& view, const Volume& volume) {
    return look_along(paths, view, volume.mountpoint, PathLinks::refused);
}

PathLook look_towards_mountpoint(const Paths& paths, const MountView& view, const Volume& volume) {
    const std::string holder = volume.mountpoint.substr(0, volume.mountpoint.rfind('/'));
    return look_along(paths, view, holder.empty() ? "/" : holder, PathLinks::refused);
}

PathLook look_along_lower(const Paths& paths, const MountView& view, const Volume& volume) {
    return look_along(paths, view, volume.lower, PathLinks::of_root);
}

std::optional<Problem> problem_with_mountpoint(const Volume& volume, const PathLook& look,
                                               const LastComponent last) {
    for (const Swap& swap : look.swaps) {
        if (look.missing == swap.component) {
            return swap_problem(
                AdviceKind::make_mountpoint_safe, swap,
                formatted("the mount point {} is missing, and {} could be made, and replaced, by {}",
                          volume.mountpoint, swap.component, who_can(swap)));
        }
        if (swap.component != volume.mountpoint) {
            return swap_problem(AdviceKind::use_safe_mountpoint, swap,
                                formatted("{} can be replaced by {}: a mount on {} could end up anywhere",
                                          swap.component, who_can(swap), volume.mountpoint));
        }
        if (last == LastComponent::as_it_is) {
            return swap_problem(AdviceKind::guard_mountpoint, swap,
                                formatted("the mount point {} is not immutable, and can be replaced by {}",
                                          swap.component, who_can(swap)));
        }
    }
    if (look.link) {
        return Problem{.message = formatted("{}, in the path of the mount point {}, is a symbolic link",
                                            *look.link, volume.mountpoint),
                       .advice = {.kind = AdviceKind::use_path_without_links, .subject = *look.link}};
    }
    return std::nullopt;
}

std::optional<Problem> problem_with_lower(const Volume& volume, const PathLook& look) {
    if (look.link) {
        const bool is_theirs = !look.swaps.empty();
        return Problem{
            .message = formatted(
                "{}, in the path of the lower directory {}, is a symbolic link{}", *look.link, volume.lower,
                is_theirs ? formatted(", which can be replaced by {}", who_can(look.swaps.back())) : ""),
            .advice = {.kind = AdviceKind::use_path_without_links, .subject = *look.link}};
    }
    if (look.missing) {
        return std::nullopt;
    }
    for (const Swap& swap : look.swaps) {
        const bool is_its_owner =
            (swap.by == SwapBy::owner || swap.by == SwapBy::own) && look.owner && *look.owner == swap.id;
        if (!is_its_owner) {
            return swap_problem(
                AdviceKind::use_safe_lower, swap,
                formatted("{} can be replaced by {}{}", swap.component, who_can(swap),
                          look.owner ? formatted(", while the lower directory {} belongs to {}", volume.lower,
                                                 *look.owner == 0 ? std::string{"root"}
                                                                  : formatted("user {}", *look.owner))
                                     : ""));
        }
    }
    return std::nullopt;
}

} // namespace sealmount
