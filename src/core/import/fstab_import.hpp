// Volumes that /etc/fstab mounts with ecryptfs-utils, as enrollments.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
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
    FstabLine line{};
    EnrollRequest request{};            ///< with a name derived from the mount point's
    std::string passphrase_file{};      ///< that its option `passphrase_passwd_file` names; "" when none does
    std::vector<std::string> dropped{}; ///< options that no longer have a meaning
};

/// The lines of type ecryptfs of a table. `taken` are names of volumes that are there already. A line whose
/// lower directory or mount point no volume can have is left out, and reported in `problems`.
[[nodiscard]] std::vector<FstabVolume> fstab_volumes(std::span<const FstabLine> lines,
                                                     std::set<std::string> taken,
                                                     std::vector<std::string>& problems);

/// What mount options ask for, without what an enrollment finds out itself, or what no longer has a meaning.
void take_mount_options(std::string_view options, FstabVolume& volume);

/// The passphrase in a file as ecryptfs-utils reads it: behind "passphrase_passwd=" or "passwd=", on a line
/// or between commas (ecryptfs(7)). Nothing when there is none.
[[nodiscard]] std::optional<SecretBytes> passphrase_in_file(const SecretBytes& contents);

/// The table's text with these lines turned into comments; all else stays as it is.
[[nodiscard]] std::string fstab_with_comments(std::string_view text, const std::set<std::size_t>& numbers);

} // namespace sealmount
