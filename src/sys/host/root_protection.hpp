// What keeps somebody with the disk from reading or changing the root file system; and whose signatures the
// firmware asks for. As the running system sees it, which may itself be a guest on somebody's disk.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include <filesystem>
#include <optional>
#include <string_view>

namespace sealmount {

enum class DiskProtection {
    open,      ///< a part of it is on a disk as it is
    encrypted, ///< all of it is in dm-crypt
    verified,  ///< all of it is in dm-verity
    unknown,   ///< neither can be shown
};

/// Of the file system that is mounted on "/" in such a text (proc(5), /proc/PID/mountinfo), by what its block
/// device is made from (/sys/dev/block; device-mapper's UUIDs begin with "CRYPT-" and "CRYPT-VERITY-",
/// cryptsetup's lib/libdevmapper.c). Unknown for what has no block device of its own, such as overlayfs,
/// and for loop devices. `root` has /sys and /dev.
[[nodiscard]] DiskProtection root_protection(std::string_view mountinfo,
                                             const std::filesystem::path& root = "/");

/// Is Secure Boot on (UEFI, 3.3, the variable SecureBoot)? False on a machine that UEFI did not start;
/// nothing when the variable cannot be read.
[[nodiscard]] std::optional<bool> secure_boot_is_on(const std::filesystem::path& root = "/");

/// Does the kernel encrypt what it sends to the TPM and gets from it (CONFIG_TCG_TPM2_HMAC)? Such kernels
/// show the name of their null key (Documentation/ABI/stable/sysfs-class-tpm, null_name).
[[nodiscard]] bool kernel_encrypts_tpm_bus(const std::filesystem::path& root = "/");

} // namespace sealmount
