// What a GRUB image brings along: modules, a configuration, a prefix, a disk of its own; and who made it.
//
// Sources: include/grub/kernel.h (the objects in the section "mods"), kern/main.c (how they are found),
// include/grub/offsets.h and util/mkimage.c; Microsoft's FAT specification 1.03 for the disk, of which names
// of eight and three characters are read, as Debian's build-efi-images makes them, or squash_disk.hpp;
// SBAT.md of shim for the versions.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/grub/grub_boot.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>

namespace sealmount {

struct GrubImage {
    std::set<std::string> modules;
    std::string prefix;                         ///< "/EFI/debian"
    std::optional<std::string> script;          ///< the embedded configuration
    std::map<std::string, std::string> memdisk; ///< files by their path, in lower case; fonts without content
    bool has_unread_disk = false;               ///< what is on it is not known, or not all of it
    std::string version;                        ///< "2.12", from SBAT; "" without it
    std::set<std::string> vendors;              ///< "debian", from SBAT
};

/// Nothing when the bytes are not an image of GRUB for 64-bit UEFI. What is damaged in it is not there;
/// Error{bad_data} as PeImage::section() has it.
[[nodiscard]] std::optional<GrubImage> read_grub_image(BytesView file);

/// How that image starts when the firmware or shim takes it from `directory` of `device`
/// ("hd0,gpt1", "/EFI/debian"). What differs between versions follows from `version` and `vendors`; a
/// back-test of the boot with it shows whether that is right (grub_comparison.hpp). Throws Error{bad_data}
/// when the embedded configuration does more than to start menus with a file, or the image's disk cannot be
/// read.
[[nodiscard]] GrubStart start_of(const GrubImage& image, const std::string& device,
                                 const std::string& directory, bool secure_boot);

} // namespace sealmount
