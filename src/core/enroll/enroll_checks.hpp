// What an enrollment must know about the machine, the lower directory and the passphrase before it writes.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/enroll/enroll.hpp"
#include "core/volume/volume_paths.hpp"
#include "sys/files/mounts.hpp"

#include <optional>
#include <sys/types.h>
#include <vector>

namespace sealmount {

/// Throws Error{refused}.
[[noreturn]] void refuse_enrollment(const std::string& message, Advice advice = {});

/// Are these the same volume, as far as people name it? Then enrolling the one again finishes or repairs the
/// other.
[[nodiscard]] bool is_same_place(const Volume& a, const Volume& b);

/// Throws unless name, mount point and lower directory fit the manifest and the machine as they are. The
/// manifest may have this very volume already. Manifest and mounts are those of the session.
void check_against_manifest(EnrollSession& session, const Volume& volume);
void check_directories(const Store& store, const MountList& mounts, const Volume& volume);

/// Replaces both paths by those without symbolic links, with a warning for each that had one: systemd mounts
/// nothing on a path with links, and the lower directory must stay the one that it is now. Refuses instead
/// where the paths come from the setup of a user (`expected`), who could put a link there meanwhile.
[[nodiscard]] std::vector<Problem> take_links_out(const Paths& paths, EnrollRequest& request);

/// What counts for the last component of the mount point before its guard is set, if it is to be (not where
/// it is the lower directory itself); and once it is done, or was before, below what is mounted there.
[[nodiscard]] LastComponent last_component_before_guard(bool guard, const Volume& volume);
[[nodiscard]] LastComponent last_component_now(const Paths& paths, const MountList& mounts,
                                               const Volume& volume);

/// Throws Error{refused} unless the directories may be mounted by their paths (core/volume/volume_paths.hpp),
/// and belong to `owner` where there is one.
void check_paths(const Paths& paths, const MountView& view, const Volume& volume, std::optional<uid_t> owner,
                 LastComponent last);

/// Throws when somebody else uses the lower directory, when it is not what was recorded for this very volume,
/// or when it lies below a mount of /etc/fstab that is not there. Notes what it is in the request's volume.
/// Returns warnings.
[[nodiscard]] std::vector<Problem> check_ground(EnrollSession& session, EnrollRequest& request);

/// Is the ground of a volume, as it is in the manifest, to become what was found now? So it is where it was
/// enrolled before grounds were recorded, or while its lower directory was empty.
[[nodiscard]] bool is_ground_to_be_written(const Volume& before, const Volume& volume);

/// Throws Error{unavailable} when the running kernel is known to lack an algorithm that the volume requires.
void check_ciphers_of_kernel(const Paths& paths, const Volume& volume);

/// What people should know about the PCRs they chose.
[[nodiscard]] std::vector<Problem> warnings_about(const Policy& policy);

} // namespace sealmount
