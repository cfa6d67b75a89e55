// Mounts: the kernel's list of them, and where eCryptfs is in it.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace sealmount {

/// One line of /proc/self/mountinfo (proc(5)), as far as we need it, with its octal escapes undone.
struct Mount {
    std::string source;
    std::string type;
    std::string options; ///< of the file system, e.g. "rw,ecryptfs_sig=..."
    std::string mountpoint;
};

/// The list as it was at one moment, for whoever has to ask it often.
class MountList {
  public:
    /// Throws Error{os} when it cannot be read.
    [[nodiscard]] static MountList now();
    /// That of a text of /proc/self/mountinfo; lines that are not as proc(5) says are skipped.
    [[nodiscard]] static MountList parsed(std::string_view mountinfo);

    /// What is mounted on top at exactly this path, if anything.
    [[nodiscard]] std::optional<Mount> at(const std::filesystem::path& mountpoint) const;
    /// All of them, in the order in which they were made.
    [[nodiscard]] const std::vector<Mount>& all() const { return mounts_; }

  private:
    std::vector<Mount> mounts_;
    std::unordered_map<std::string, std::size_t> on_top_; ///< by mount point: the number in mounts_
};

/// The same for one question.
[[nodiscard]] std::optional<Mount> mount_at(const std::filesystem::path& mountpoint);

/// All mounts of this type, in the order in which they were made. Throws Error{os} as well.
[[nodiscard]] std::vector<Mount> mounts_of_type(std::string_view type);

/// Mounts an eCryptfs volume with mount(2), whose keys are in root's user keyring: it is linked into this
/// process's own for that, since not every session has it. `options` are those of the kernel's eCryptfs.
/// nosuid, nodev and noexec in any case. No symbolic link is followed to the mount point. Throws Error.
void mount_ecryptfs(const std::filesystem::path& lower, const std::filesystem::path& mountpoint,
                    const std::string& options, bool read_only);

} // namespace sealmount
