// GrubMachine: what GRUB finds when it looks around, as its interpreter (grub_boot.hpp) asks for it.
//
// Names are GRUB's own: a device is `hd0,gpt2` (kern/disk.c, kern/partition.c), a path begins with a slash
// at the root of that device's file system. The names of disks are the firmware's order of them; they are
// measured as part of commands and of file names, so whoever implements this has them from a boot's log.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "base/bytes.hpp"
#include "sys/tpm/pcr.hpp"

#include <compare>
#include <string>
#include <vector>

namespace sealmount {

/// A file of a device. The path has no doubled and no trailing slash.
struct GrubFile {
    std::string device{};
    std::string path{};

    friend auto operator<=>(const GrubFile&, const GrubFile&) = default;
    friend bool operator==(const GrubFile&, const GrubFile&) = default;
};

enum class GrubFileKind {
    missing,
    file,
    directory,
};

/// A file system that GRUB can read with the drivers in its image.
struct GrubDevice {
    std::string name{};   ///< "hd0,gpt2"
    std::string uuid{};   ///< as the driver of its file system reports it; "" when it has none
    std::string label{};  ///< "" when it has none
    bool writable = true; ///< save_env works there: not on LVM, RAID, btrfs, ZFS (commands/loadenv.c)
};

struct GrubNames {
    std::vector<std::string> names{};
    /// In the order in which GRUB reads them, which is that on the disk; what readdir(3) gives is not.
    bool in_disk_order = false;
};

/// All of it describes one moment; the implementation must not change while it is being asked. What a
/// function throws passes through the interpreter.
class GrubMachine {
  public:
    GrubMachine() = default;
    GrubMachine(const GrubMachine&) = delete;
    GrubMachine& operator=(const GrubMachine&) = delete;
    GrubMachine(GrubMachine&&) = delete;
    GrubMachine& operator=(GrubMachine&&) = delete;
    virtual ~GrubMachine() = default;

    /// Every file system within GRUB's reach; an encrypted one that GRUB has not unlocked is none.
    [[nodiscard]] virtual std::vector<GrubDevice> devices() const = 0;

    [[nodiscard]] virtual GrubFileKind kind(const GrubFile& file) const = 0;

    /// What is in a file; of configurations, environment blocks, loader entries, lists and modules.
    [[nodiscard]] virtual std::string read(const GrubFile& file) const = 0;

    /// Of a directory; without "." and "..".
    [[nodiscard]] virtual GrubNames names(const GrubFile& directory) const = 0;

    /// The digest of the files' contents joined, each but the first at a multiple of 4 bytes, with zeros
    /// between them, as GRUB hands several initrds over (loader/linux.c).
    [[nodiscard]] virtual Bytes digest(const std::vector<GrubFile>& files, PcrBank bank) const = 0;
};

} // namespace sealmount
