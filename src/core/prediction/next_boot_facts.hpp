// Where the facts about the next boot come from.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/prediction/next_boot.hpp"
#include "core/volume/paths.hpp"

namespace sealmount {

/// The version of systemd-boot (from its EFI variable LoaderInfo, systemd-boot(7)), bootctl's list of boot
/// entries where systemd-boot started the running system, a reader that looks for files below /efi, /boot/efi
/// and /boot, where the specification has the EFI system partition (UAPI.1), the kernels in /boot, and a
/// reader of the variables in efivarfs, if that is there. Throws Error for what bootctl_lists() and
/// read_boot_entries() throw it for.
[[nodiscard]] BootFacts boot_facts(const Paths& paths);

} // namespace sealmount
