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
    std::string partition; ///< its unique GUID (UEFI 2.10, 10.3.5.1); "" when it has none
    std::string path;      ///< on that partition, with backslashes; "" for an image from memory or firmware
    std::string
        path_alone; ///< what shim starts is logged without its partition, which is shim's own; else ""
    bool is_in_firmware = false; ///< part of the firmware, which has measured itself
};

/// In the order in which they were started. An image without a partition of its own that follows one with a
/// partition gets that one's, and `path`.
[[nodiscard]] std::vector<BootImage> boot_images(const EventLog& log);

/// The image behind which shim measures its own keys into PCR 14, which is shim; null when nothing does.
[[nodiscard]] const LogEvent* shim_in(const EventLog& log);

/// Has GRUB started this boot? It alone measures texts into PCR 8.
[[nodiscard]] bool is_behind_grub(const EventLog& log);

/// Has GRUB opened a file with these contents? It measures them as they are, with their signatures.
[[nodiscard]] bool is_file_of_grub(const EventLog& log, PcrBank bank, BytesView contents);

/// Is it the same file on a FAT partition? Slashes are backslashes, and case is ignored.
[[nodiscard]] bool is_same_path(std::string_view one, std::string_view other);

/// The event of the forecast for an event of the log; null when it was removed. Valid until events are added
/// or removed.
[[nodiscard]] ForecastEvent* forecast_of(Forecast& forecast, const LogEvent& event);

/// The image that was measured as `event` will be this one, also where shim had it measured once more. With
/// Secure Boot on, see check_authority() for PCR 7. Another shim is spoil_for_shim().
void replace_image(Forecast& forecast, const LogEvent& event, const PeImage& image);

/// Is it a shim, by the generation that it says (shim, SBAT.md)?
[[nodiscard]] bool is_shim(const PeImage& image);

/// Another shim: what it measures of its own is not known.
void spoil_for_shim(Forecast& forecast);

/// The version of systemd-boot that this image is, such as "252.39-1~deb12u2"; "" for another program.
[[nodiscard]] std::string boot_loader_version(const PeImage& image);

/// The part of a systemd version that says what it measures: "252" of "252.39-1~deb12u2".
[[nodiscard]] std::string major_version(std::string_view version);

} // namespace sealmount
