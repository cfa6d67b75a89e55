// The PCRs of a PC: numbers, systemd's names, and what extends them (UAPI.7 Linux TPM PCR Registry; TCG PC
// Client Platform Firmware Profile 1.05, 3.3.4).
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include <optional>
#include <string_view>

namespace sealmount {

inline constexpr unsigned image_pcr = 4;  ///< firmware: the EFI programs that it starts
inline constexpr unsigned loader_pcr = 5; ///< firmware: the partition table; systemd-boot: its loader.conf
inline constexpr unsigned secure_boot_pcr =
    7;                                   ///< firmware: Secure Boot's variables, and what verified images
inline constexpr unsigned grub_pcr = 8;  ///< GRUB: its commands and the kernel's command line
inline constexpr unsigned linux_pcr = 9; ///< GRUB: files; the kernel's EFI stub: initrd and command line
inline constexpr unsigned ima_pcr = 10;  ///< the kernel's IMA: files, while the system runs
inline constexpr unsigned uki_pcr = 11;  ///< systemd-stub: the image's sections; systemd: boot phases
inline constexpr unsigned parameters_pcr = 12; ///< systemd-boot and systemd-stub: command line, credentials
inline constexpr unsigned shim_pcr = 14;       ///< shim: its own keys and generations

/// Those of dynamic launch, which begin with ones (TCG PC Client Platform TPM Profile, 4.6.1).
inline constexpr unsigned first_dynamic_pcr = 17;
inline constexpr unsigned last_dynamic_pcr = 22;

/// What is measured into this PCR, for people, e.g. "Secure Boot policy".
[[nodiscard]] std::string_view pcr_meaning(unsigned pcr);

/// The number of a PCR that systemd has a name for, e.g. 7 for "secure-boot-policy" (src/shared/tpm2-util.c,
/// tpm2_pcr_index_table).
[[nodiscard]] std::optional<unsigned> pcr_named(std::string_view name);

} // namespace sealmount
