// The kernel's part of the next boot: a boot entry with kernel, initrds and command line, or a unified kernel
// image. For next_boot.cpp only.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/prediction/boot_images.hpp"
#include "core/prediction/next_boot.hpp"

namespace sealmount {

/// One kernel is replaced by another one, or by what is in its place now.
struct KernelChange {
    const BootImage& started; ///< according to the log
    BootEntry before;         ///< that this boot used
    BootEntry after;          ///< that the next boot uses; may be the same
    /// Of systemd-boot at the next boot; "" when something else starts the kernel, so that what else it gets
    /// is not known.
    std::string loader_version;
};

/// Nothing can be said about what a kernel and its loader measure.
void spoil_kernel(Forecast& forecast, const std::string& why, const Advice& advice = {});

void apply(Forecast& forecast, const KernelChange& change, const BootFileReader& read);

/// The part of unified kernel images. `before` is null when the image that was started no longer exists.
void apply_unified(Forecast& forecast, const KernelChange& change, const NamedFile* before,
                   const NamedFile& after);

/// Are there unchanged events of PCR 11, from systemd-stub?
[[nodiscard]] bool has_unified_events(Forecast& forecast);

/// The unchanged event that Linux's own stub measured under this tag; null when there is none.
[[nodiscard]] ForecastEvent* tagged_event(Forecast& forecast, std::uint32_t tag);

/// The command line that systemd-boot or systemd-stub pass becomes another one. The log must show that this
/// boot's was made in the same way, or PCRs 9 and 12 become unpredictable.
void change_command_line(Forecast& forecast, const std::string& before, const std::string& after,
                         std::size_t initrds_before);

} // namespace sealmount
