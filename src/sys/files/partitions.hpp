// Partitions and the file systems in them, as udev describes them, and where those are mounted. Nothing of a
// disk is read.
//
// Sources: udev's database (/run/udev/data/bMAJOR:MINOR; the properties are those of udev's built-in blkid,
// src/udev/udev-builtin-blkid.c in systemd), sysfs (Documentation/ABI/testing/sysfs-block), proc(5).
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "base/bytes.hpp"
#include "sys/files/mounted_files.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace sealmount {

struct Partition {
    std::string disk{};   ///< the kernel's name, "sda"
    unsigned number = 0;  ///< in the partition table
    std::string scheme{}; ///< "gpt" or "dos"
    std::string guid{};   ///< the unique GUID of a GPT, in lower case
    std::string type{};   ///< of the file system, "ext4"
    std::string uuid{};
    std::string label{};
    std::vector<MountedRoot> mounts{};
};

struct Disks {
    std::vector<Partition> partitions{};
    /// Some disk has something else that a boot loader may be able to read: a file system without a
    /// partition, volumes of LVM, RAID or LUKS; or udev does not know a partition.
    bool has_more = false;
};

/// Those below `root`, in the order of the kernel's names. Directories where boot partitions are mounted on
/// demand (/efi, /boot, /boot/efi; UAPI.1) are looked at first, so that they are.
[[nodiscard]] Disks disks_of(const std::filesystem::path& root = "/");

/// The first headers of the partition tables (GPT; UEFI 2.10, 5.3.2) on this machine's disks, as they are
/// on the disk: 92 bytes each, with the checksum of the entries. Disks that cannot be read are left out.
[[nodiscard]] std::vector<Bytes> partition_tables();

} // namespace sealmount
