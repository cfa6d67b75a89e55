// What enrollments leave on disk, in an order in which a kill at any instant is harmless.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/enroll/enroll_session.hpp"

#include <optional>
#include <span>
#include <sys/types.h>

namespace sealmount {

/// A volume that is checked and proved, and waits to be written.
struct StagedVolume {
    bool guard = true;           ///< make the mount point immutable
    std::optional<uid_t> owner;  ///< whose both directories must be, where they are a user's
    bool is_listed = false;      ///< in the manifest already
    bool has_new_ground = false; ///< which the manifest is to have, where the volume is listed
    KeyTexts texts;
    Enrolled enrolled; ///< the volume, and what has become of it
};

struct WriteFailure {
    Error error;
    bool is_committed; ///< or that is not known: nothing was taken back then
};

/// Looks along the paths of the volumes, guards the mount points of those that ask for it, and looks again: a
/// person has typed since their drafts were made. Missing mount points are made only where nobody but root
/// could do that. Then writes their master keys, their keys and the
/// manifest, once for new volumes and new grounds, each only where it is not there already; of each kind all
/// are written first, and then made durable together. Whatever of it a killed run had made is made durable as
/// well. Notes files, guards and warnings in `enrolled`. When something fails before the manifest is written,
/// what was newly made is taken back, for all of them. Requires the store's lock.
[[nodiscard]] std::optional<WriteFailure> write_group(EnrollSession& session,
                                                      std::span<StagedVolume* const> volumes);

} // namespace sealmount
