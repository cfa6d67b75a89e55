// Which of GRUB's disks is which: GRUB numbers them in the firmware's order ("hd0"), which nobody but the
// firmware knows; but it measures the names of the files that it opens.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/events/event_log.hpp"
#include "sys/files/partitions.hpp"

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace sealmount {

/// The kernel's name of a disk by GRUB's: "hd0" -> "sda".
using GrubDisks = std::map<std::string, std::string>;

/// The disks that the log's names of files show. `loaded_from` is GRUB's own partition; what GRUB opens there
/// in one of `directories`, that of its image and that of its prefix, has the disk's name. Another disk is
/// known by a file of that name and with the logged content, or when there is but one that it can be. `bank`
/// is one of the log's.
[[nodiscard]] GrubDisks disks_in_log(const EventLog& log, PcrBank bank, const Disks& disks,
                                     const Partition& loaded_from,
                                     const std::vector<std::string>& directories);

/// "gpt2" or "msdos2": the partition, as GRUB names it on a disk.
[[nodiscard]] std::string grub_name(const Partition& partition);

/// The names of disks ("hd0") that are anywhere in a text.
[[nodiscard]] std::set<std::string> disks_named_in(std::string_view text);
/// The same in all of GRUB's events in the log.
[[nodiscard]] std::set<std::string> disks_named_in(const EventLog& log);

/// What a disk is called that the log does not name, so that it is noticed where it would be measured.
inline constexpr std::string_view unnamed_disk = "hd?";

} // namespace sealmount
