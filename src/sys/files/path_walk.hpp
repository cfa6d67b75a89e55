// Who could put another directory in the place of a component of a path. A mount by path leads where the
// names lead at that moment, so whoever may rename a directory on the way decides what is mounted, and where.
//
// A name can be renamed or replaced by whoever may write to the directory that holds it (rename(2),
// unlink(2): EACCES); with the sticky bit there, only by the owners of the two (EPERM). An immutable entry
// cannot be renamed, nor can an entry of an immutable directory, by its owner neither (ioctl_iflags(2),
// FS_IMMUTABLE_FL; fs/namei.c, may_delete()). The owner of a directory may make it writable (chmod(2)), so he
// counts as one who may write. Access lists show in the group's bits of the mode, as their mask (acl(5)).
//
// Each component is opened relative to the one before, without following a link, and looked at through its
// descriptor (open(2), O_PATH): nothing that is mounted automatically is woken up at the end of the path.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "base/unique_fd.hpp"

#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace sealmount {

/// Who can replace a component.
enum class SwapBy {
    owner,  ///< the user `id`, the owner of the directory that holds it
    own,    ///< the user `id`, its own owner, in a sticky directory that others may write to
    group,  ///< the members of the group `id`
    listed, ///< whom an access list of the directory that holds it names
    everybody,
};

/// A component that somebody other than root can replace.
struct Swap {
    SwapBy by = SwapBy::owner;
    unsigned id = 0;
    std::string component; ///< "/home/anna/vault"
    std::string holder;    ///< "/home/anna"
};

/// A path, as far as it could be followed.
struct PathLook {
    std::vector<Swap> swaps;            ///< from the root on
    std::optional<std::string> missing; ///< the first component that is not there
    std::optional<std::string> link;    ///< the symbolic link that was not followed
    int error = 0;                      ///< why the next component could not be looked at: an errno
    std::optional<uid_t> owner;         ///< of the directory that it leads to, where it does
    std::string resolved;               ///< without links, as far as it was followed
};

enum class PathLinks {
    refused, ///< none is followed
    of_root, ///< those that only root can replace are
};

/// Follows `path` from the directory `top` (any descriptor of it). To the owner and the group of `top` all is
/// left that is left to root: who has the root of a tree has all of it.
[[nodiscard]] PathLook look_along_path(int top, const std::string& path, PathLinks links);

/// The directory itself or nothing: no symbolic link is followed anywhere in the path (openat2(2),
/// RESOLVE_NO_SYMLINKS). Without a descriptor, errno says why.
[[nodiscard]] UniqueFd open_without_links(const std::string& directory, int flags);

} // namespace sealmount
