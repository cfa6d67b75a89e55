// What the next boot will measure, found out from what is on the boot partitions now: the changes that a
// person would otherwise have to name.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/prediction/boot_entries.hpp"
#include "core/prediction/next_boot_variables.hpp"
#include "core/prediction/prediction_files.hpp"

#include <expected>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace sealmount {

/// A file that firmware or boot loader read.
struct BootPlace {
    std::string root;      ///< where its partition is mounted; "" when that is not known
    std::string partition; ///< unique GUID of the partition; "" when that is not known
    std::string path;      ///< on the partition, with slashes or backslashes; case is ignored
};

/// The file as it is now; nothing when no mounted partition has it. Throws Error when it may not be trusted.
using BootFileReader = std::function<std::optional<NamedFile>(const BootPlace&)>;

/// What the next boot measures behind GRUB, for one state of grubenv (core/reproduction/grub_outlook.hpp).
struct GrubForecast {
    /// Of PCR 8 and 9: the digests of all events, in their order; or why they are not known.
    std::map<unsigned, std::expected<std::vector<Bytes>, Problem>> events{};
    /// Of PCR 4: for each image of the log from GRUB on, by the number of its event, what will be measured in
    /// its place; or why that is not known.
    std::expected<std::map<unsigned, Bytes>, Problem> images{};
    bool is_kernel_known = false; ///< which one is started
    /// Why PCR 7 is not known: it is another kernel, which may be verified by another certificate.
    std::optional<Problem> authority{};
};

struct BootFacts {
    /// The version of systemd-boot that started this boot, such as "252.39-1"; nothing when another program
    /// did.
    std::optional<std::string> systemd_boot;
    std::vector<BootEntry> entries; ///< of systemd-boot; empty without it
    BootFileReader read;
    /// All of Linux' kernels in /boot, where it matters which may be started.
    std::function<std::vector<NamedFile>()> kernels;
    VariableReader variable; ///< empty where the firmware's variables cannot be looked at
    /// The headers of the disks' partition tables; empty where they cannot be looked at.
    std::function<std::vector<Bytes>()> partition_tables;
    std::optional<GrubForecast> grub; ///< where GRUB started this boot, and it is known what it does
};

/// Applies what has changed since this boot: boot images that were overwritten in place, and another
/// boot entry, or files of the same one that were overwritten, with kernel, initrds and command line, or a
/// unified kernel image. A digest is replaced by its role in the log, so that the old file need not be there.
/// What cannot be found out makes its PCR unpredictable: what GRUB decides without facts.grub, systemd-boot
/// in a version that may measure otherwise, a unified image in place of a kernel. Changes that were applied
/// before stay. Throws Error{unavailable} when the log has no EFI boot images.
void apply_next_boot(Forecast& forecast, const BootFacts& facts);

} // namespace sealmount
