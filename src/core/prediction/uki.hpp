// Unified kernel images: what systemd-stub measures of their sections, and hands to the kernel.
//
// Sources: systemd 252 src/boot/efi/stub.c, linux.c, cpio.c and src/fundamental/tpm-pcr.c; systemd 257
// src/boot/stub.c and src/fundamental/uki.h.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/prediction/pe_image.hpp"

#include <optional>
#include <string>
#include <vector>

namespace sealmount {

/// A PE image with a kernel inside and what belongs to it (.linux and one of .osrel, .cmdline, .initrd).
[[nodiscard]] bool is_uki(const PeImage& image);

/// The version that a component of systemd, "systemd-boot" or "systemd-stub", wrote into its own image; ""
/// when it did not.
[[nodiscard]] std::string component_version(const PeImage& image, std::string_view component);
/// The version that systemd-stub wrote into itself, such as "252.39-1~deb12u2"; "" when it did not.
[[nodiscard]] std::string stub_version(const PeImage& uki);

/// Which sections a version of systemd-stub measures.
enum class SectionSet {
    of_252,   ///< linux, osrel, cmdline, initrd, splash, dtb, pcrpkey
    of_newer, ///< those and ucode, uname, sbat, hwids
};

/// The digests that PCR 11 is extended with, in order: for each section its name with a NUL, then its
/// contents (systemd-stub(7)).
[[nodiscard]] std::vector<Bytes> section_digests(const PeImage& uki, SectionSet set, PcrBank bank);

/// Does the image have sections of which only one is used, as the machine or a person chooses? Then what is
/// measured does not follow from the image.
[[nodiscard]] bool has_choices(const PeImage& uki);

/// The forms in which versions of systemd-stub pass the initrd: as it is, with the PCR signature and key
/// in archives behind it (252), or with microcode in front and the os-release behind as well (257).
enum class InitrdForm { plain, of_252, of_newer };
/// Nothing when there would be no initrd.
[[nodiscard]] std::optional<Bytes> initrd_for_kernel(const PeImage& uki, InitrdForm form);

/// The .cmdline section as the kernel gets it: control characters become spaces, those at the end go; and
/// from 253 on those at the beginning too. "" when there is none.
[[nodiscard]] std::string command_line_for_kernel(const PeImage& uki);

} // namespace sealmount
