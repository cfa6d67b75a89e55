// May a volume be mounted by the paths that it has? Whoever can replace a component of its mount point
// decides where root mounts, and whoever can replace one of its lower directory, what.
//
// The rule for a mount point: only root can replace any of its components. In a user's home that holds for
// the last one while it is immutable (sys/files/guard.hpp).
//
// The rule for a lower directory: no symbolic link but one that only root can replace; and nobody can replace
// a component but root and, where the directory is his own, its owner by what belongs to him. A user's
// ~/.Private is such a directory. (A known gap: its owner can put another one there in the moment between
// this look and the mount. It is then mounted in his own place, with his own key: he sees the names in it,
// with their owners and permissions, even if a directory above it is closed to him; its contents are not
// decrypted.)
//
// Light: neither TPM nor keyring, no library but that of C++.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "base/advice.hpp"
#include "core/volume/manifest.hpp"
#include "core/volume/paths.hpp"
#include "sys/files/mount_view.hpp"
#include "sys/files/path_walk.hpp"

#include <optional>

namespace sealmount {

/// What counts for the last component of a mount point.
enum class LastComponent {
    as_it_is,
    guarded, ///< its guard is set below the mount that hides it, or will be set before it is used
};

/// The directory where it leads, in this view.
[[nodiscard]] PathLook look_along_mountpoint(const Paths& paths, const MountView& view, const Volume& volume);
/// The same up to the directory that holds it: whoever looks at a mount point that an automount is about to
/// mount waits for that, also with O_PATH (Linux' fs/autofs/root.c, autofs_d_manage()).
[[nodiscard]] PathLook look_towards_mountpoint(const Paths& paths, const MountView& view,
                                               const Volume& volume);
[[nodiscard]] PathLook look_along_lower(const Paths& paths, const MountView& view, const Volume& volume);

/// Why the volume must not be mounted there, with its advice; one sentence that names the component and who
/// can replace it. Nothing when it may, or when it is closed to us. A mount point that is missing where only
/// root can make it is not a problem.
[[nodiscard]] std::optional<Problem> problem_with_mountpoint(const Volume& volume, const PathLook& look,
                                                             LastComponent last);

/// The same for the lower directory. One that is missing is not a problem here.
[[nodiscard]] std::optional<Problem> problem_with_lower(const Volume& volume, const PathLook& look);

} // namespace sealmount
