// What ecryptfs-setup-private(1) has set up for a user, as an enrollment.
//
// All that is read here belongs to the user, who may have prepared it, and may change it meanwhile. What root
// makes from it, at every boot from then on, is a mount: of a lower directory, on a mount point. Guarded
// against:
//
// - a mount over a directory that is not the user's (/etc, another's home): the mount point must be the
// user's
//   own, reached without symbolic links, through directories that only root or the user can write;
// - a mount of what the user could not read: the lower directory is ~/.Private, the user's own, and not a
//   symbolic link other than the one to /home/.ecryptfs/USER/.Private, which must be the user's as well;
// - root reading another's file for the user: files are read through descriptors, without following links,
// and
//   only the user's own (a hard link to another's is not); nothing of their contents is repeated in an error,
//   and a pipe holds nobody up (sys/files/user_tree.hpp);
// - names or paths that would be more than a name or path: core/volume/manifest_rules.hpp has the last word.
//
// All of it is looked at again when it is used (core/enroll/enroll_checks.hpp, check_paths()), after somebody
// has typed a passphrase, and at each boot before a key is loaded (core/unlock/obstacle.hpp). What the user
// can do later: rename ~/Private away and put a symbolic link there. The guard forbids the renaming; without
// it, the volume is refused. Nothing is made in a directory of the user's, not even a missing mount point.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/enroll/enroll.hpp"
#include "core/volume/paths.hpp"
#include "sys/files/user_tree.hpp"

#include <string>
#include <vector>

namespace sealmount {

struct PrivateSetup {
    User user;
    EnrollRequest request;                  ///< with a name derived from the user's; its keys are expected
    bool whole_home = false;                ///< it is the home that is encrypted
    std::string directory;                  ///< where ~/.ecryptfs is, without symbolic links
    std::string wrapped;                    ///< the contents of its wrapped-passphrase
    bool own_wrapping = false;              ///< which was not wrapped with the login passphrase
    bool auto_mount = false;                ///< pam_ecryptfs mounts at login
    bool auto_umount = false;               ///< and unmounts at logout
    std::vector<std::string> other_aliases; ///< of setups in ALIAS.conf; printable

    [[nodiscard]] std::string file(const std::string& name) const { return directory + "/" + name; }
};

/// Looks up the user and the user's setup. `taken` are names of volumes that are there already. Throws
/// Error{no_input} when there is no such user, or nothing was set up; Error{bad_data} when a file of it is
/// damaged; Error{refused} for what is guarded against.
[[nodiscard]] PrivateSetup private_setup(const Paths& paths, const std::string& user,
                                         const std::set<std::string>& taken);

} // namespace sealmount
