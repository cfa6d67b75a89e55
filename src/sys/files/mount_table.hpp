// A table of mounts as the kernel shows it (proc(5), /proc/PID/mountinfo), and what follows from it about
// paths: which file system a path leads to, and where in that. From text alone: nothing is opened, so nothing
// can hang.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sealmount {

/// One line of the table, its octal escapes undone.
struct MountLine {
    std::uint64_t id = 0;     ///< unique among all mounts of the machine while it exists
    std::uint64_t parent = 0; ///< the mount that it is mounted on
    std::string device;       ///< of the file system: "MAJOR:MINOR", the same for all its mounts
    std::string root;         ///< the directory of the file system that is mounted
    std::string mountpoint;
    std::string type;
    std::string source;
    bool read_only = false; ///< the mount, or its file system

    bool operator==(const MountLine&) const = default;
};

/// Where a path leads, whatever mounts lead there: two paths are one directory when their places are equal.
struct FilePlace {
    std::string device; ///< as in MountLine
    std::string path;   ///< in that file system

    bool operator==(const FilePlace&) const = default;
};

/// How one directory lies to another.
enum class Nearness {
    apart,
    same,
    above, ///< the first holds the second
    below, ///< the first lies in the second
};

/// Is `path` this directory, or something in it? Both absolute and clean.
[[nodiscard]] bool is_in(std::string_view path, std::string_view directory);

[[nodiscard]] Nearness nearness(std::string_view first, std::string_view second);
[[nodiscard]] Nearness nearness(const FilePlace& first, const FilePlace& second);

class MountTable {
  public:
    /// Lines that are not as proc(5) says are skipped.
    [[nodiscard]] static MountTable parsed(std::string_view text);

    [[nodiscard]] const std::vector<MountLine>& lines() const { return lines_; }

    /// The mount that an absolute, clean path without symbolic links leads to; nullptr when the table has
    /// none, as that of a process whose root is not a mount.
    [[nodiscard]] const MountLine* covering(std::string_view path) const;

    /// The mount that is on top at exactly this path, or nullptr.
    [[nodiscard]] const MountLine* mounted_at(std::string_view path) const;

    /// Where such a path leads. Nothing when covering() has nothing.
    [[nodiscard]] std::optional<FilePlace> place_of(std::string_view path) const;

  private:
    std::vector<MountLine> lines_;
};

/// The text of a file in /proc, whose size is not known before; nothing when it cannot be read.
[[nodiscard]] std::optional<std::string> read_proc_file(const std::filesystem::path& file);

} // namespace sealmount
