// The EFI programs that led to this boot, according to the log, and what is known of the files that are there
// now.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/prediction/pe_image.hpp"
#include "core/prediction/prediction.hpp"
#include "sys/tpm/pcr_registry.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace sealmount {

/// An image of PCR 4 (EV_EFI_BOOT_SERVICES_APPLICATION; TCG PC Client Platform Firmware Profile 1.05,
/// 10.2.3).
struct BootImage {
    const LogEvent* event = nullptr;
    std::string partition;  ///< its unique GUID (UEFI 2.10, 10.3.5.1); "" when it has none
    std::string path;       ///< on that partition, with backslashes; "" for an image from memory or firmware
    std::string path_alone; ///< on a partition that the log does not name: that of shim; else ""
};

/// In the order in which they were started.
[[nodiscard]] std::vector<BootImage> boot_images(const EventLog& log);

/// Has GRUB started this boot? It alone measures texts into PCR 8.
[[nodiscard]] bool is_behind_grub(const EventLog& log);

/// Is it the same file on a FAT partition? Slashes are backslashes, and case is ignored.
[[nodiscard]] bool is_same_path(std::string_view one, std::string_view other);

/// The event of the forecast for an event of the log; null when it was removed. Valid until events are added
/// or removed.
[[nodiscard]] ForecastEvent* forecast_of(Forecast& forecast, const LogEvent& event);

/// The image that was measured as `event` will be this one. With Secure Boot on, PCR 7 becomes unpredictable
/// unless the new image has within its signature a certificate that verified an image of this boot: each
/// entry of db is measured once (see prediction_secure_boot.hpp), so nothing changes then.
void replace_image(Forecast& forecast, const LogEvent& event, const PeImage& image);

/// The version of systemd-boot that this image is, such as "252.39-1~deb12u2"; "" for another program.
[[nodiscard]] std::string boot_loader_version(const PeImage& image);

/// The part of a systemd version that says what it measures: "252" of "252.39-1~deb12u2".
[[nodiscard]] std::string major_version(std::string_view version);

} // namespace sealmount
