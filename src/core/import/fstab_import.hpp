// Volumes that /etc/fstab mounts with ecryptfs-utils, as enrolments.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/enroll/enroll.hpp"
#include "sys/files/fstab.hpp"

#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sealmount {

/// A line of type ecryptfs, taken apart (mount.ecryptfs(8), ecryptfs(7), mount(8)).
struct FstabVolume {
    FstabLine line;
    EnrollRequest request;            ///< with a name made of the mount point's
    std::string passphrase_file;      ///< that its option `passphrase_passwd_file` names; "" when none does
    std::vector<std::string> dropped; ///< options that have no meaning any more
};

/// The lines of type ecryptfs of a table. `taken` are names of volumes that are there already. A line whose
/// lower directory or mount point no volume can have is left out, and told in `complaints`.
[[nodiscard]] std::vector<FstabVolume> fstab_volumes(std::span<const FstabLine> lines,
                                                     std::set<std::string> taken,
                                                     std::vector<std::string>& problems);

/// What mount options ask for; what an enrolment finds out itself, or has no meaning any more, is left out.
void take_mount_options(std::string_view options, FstabVolume& volume);

/// The passphrase in a file as ecryptfs-utils reads it: behind "passphrase_passwd=" or "passwd=", on a line
/// or between commas (ecryptfs(7)). Nothing when there is none.
[[nodiscard]] std::optional<SecretBytes> passphrase_in_file(const SecretBytes& contents);

/// The table's text with these lines made comments; all else stays as it is.
[[nodiscard]] std::string fstab_with_comments(std::string_view text, const std::set<std::size_t>& numbers);

} // namespace sealmount
