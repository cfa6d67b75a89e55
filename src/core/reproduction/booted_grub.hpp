// The GRUB that started this boot, as the firmware's log names it and the disk has it.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "base/advice.hpp"
#include "core/grub/grub_boot.hpp"
#include "core/prediction/boot_images.hpp"
#include "core/reproduction/grub_disks.hpp"
#include "core/reproduction/mounted_machine.hpp"

#include <expected>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace sealmount {

struct BootedGrub {
    GrubStart start;
    std::unique_ptr<MountedMachine> machine;
    GrubDisks disks;
    const LogEvent* image = nullptr;        ///< its own, in PCR 4
    std::vector<const LogEvent*> started{}; ///< the images after it: kernels
    /// The names of disks that may be measured: GRUB numbers those that this boot's log does not name
    /// otherwise than it is known here. Nothing when there are no others.
    std::optional<std::set<std::string>> known_names{};
};

/// `disks` are all that there are; `names` those that are known already, of this boot. The error is why
/// nothing can be computed: the image is not there any more, is another one, is of a kind that is not
/// followed, its file system is not mounted. `bank` is one of the log's, which must outlive the result.
[[nodiscard]] std::expected<BootedGrub, Problem> booted_grub(const EventLog& log, PcrBank bank,
                                                             const Disks& disks, const GrubDisks& names = {});

} // namespace sealmount
