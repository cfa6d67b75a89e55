// The guard: an empty mount point is made immutable, so that nothing, root included, can write plaintext into
// it while its volume is not mounted. A mount covers it and is not touched by it.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include <expected>
#include <filesystem>
#include <string>

namespace sealmount {

/// Why the guard could not be set or lifted, as part of a warning: a file system without the flag, missing
/// permission, files in the way, a symbolic link in its path. Nothing has changed then.
using GuardProblem = std::string;

/// Makes the directory immutable (FS_IMMUTABLE_FL, ioctl_iflags(2)); success when it was already. Where
/// something is mounted on it, the directory below the mount is meant, in this and the others (requires
/// CAP_SYS_ADMIN, open_tree(2)). A problem when it does not exist or is not idle
/// (sys/files/idle_mountpoint.hpp).
[[nodiscard]] std::expected<void, GuardProblem> set_guard(const std::filesystem::path& mountpoint);

/// Makes the guard, as it is now, survive a power cut.
[[nodiscard]] std::expected<void, GuardProblem> sync_guard(const std::filesystem::path& mountpoint);

/// Makes it writable again, whoever made it immutable. Success when it was not, or does not exist.
[[nodiscard]] std::expected<void, GuardProblem> lift_guard(const std::filesystem::path& mountpoint);

/// Is it immutable? Also false when it does not exist or its file system does not know the flag.
[[nodiscard]] bool is_guarded(const std::filesystem::path& mountpoint);

} // namespace sealmount
