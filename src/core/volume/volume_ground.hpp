// A volume's lower directory before a mount: is it the one that was enrolled, and does nobody else use it? A
// mount of another directory shows an empty volume and takes new files to the wrong disk; a second mount
// loses what is written through both.
//
// Light: neither TPM nor keyring, no library but that of C++.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/volume/manifest.hpp"
#include "core/volume/paths.hpp"
#include "sys/files/ground.hpp"
#include "sys/files/lower_use.hpp"
#include "sys/files/open_below.hpp"

#include <expected>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace sealmount {

/// Whose view of the file system decides.
enum class Viewer {
    this_process,
    service_manager, ///< that mounts the volumes: a service of its own kind may be confined to another view
};

/// The view of process 1 where the service manager's is meant, of the running system only; where its root is
/// out of reach, as for a service without CAP_SYS_PTRACE, what our own root has in common with it. Else our
/// own. Throws Error{os} when there is none.
[[nodiscard]] MountView view_for(const Paths& paths, Viewer viewer,
                                 const std::filesystem::path& proc = "/proc");

/// What the lower directory is now.
[[nodiscard]] std::expected<GroundLook, int> look_at_lower(const Paths& paths, const MountView& view,
                                                           const Volume& volume);

/// Why a mount of it would not be the volume: it is not there; it is another directory, or on another file
/// system, than was recorded; it is empty, was not, and nothing else shows that it is the same. One sentence
/// that names what was recorded and what is there. Nothing recorded: only that it is there. What cannot be
/// looked at is not a reason.
[[nodiscard]] std::optional<std::string> problem_with_ground(const Volume& volume,
                                                             const std::expected<GroundLook, int>& look);

/// Is the volume on its mount point, in this view?
[[nodiscard]] bool is_volume_mounted(const Paths& paths, const MountView& view, const Volume& volume);

/// A sentence for each other mount that keeps the volume from being mounted: of the same lower directory, of
/// one that holds it or lies in it, wherever in the machine that is; one that it lies in; one inside it. Not
/// for the volume itself on its mount point.
[[nodiscard]] std::vector<std::string> other_mounts_of(const Paths& paths, const MountView& view,
                                                       const EcryptfsMounts& mounts, const Volume& volume);

/// A sentence for each process that still uses a mount of it which was unmounted lazily. With `is_suspected`,
/// also those of which nothing shows whose mount theirs is.
[[nodiscard]] std::vector<std::string> detached_users_of(const Paths& paths, const MountView& view,
                                                         const std::vector<DetachedUse>& uses,
                                                         const Volume& volume, bool is_suspected);

/// The devices of which detached_uses() has nothing to ask.
[[nodiscard]] std::set<std::string> devices_in_tables(const MountView& view, const EcryptfsMounts& mounts);

} // namespace sealmount
