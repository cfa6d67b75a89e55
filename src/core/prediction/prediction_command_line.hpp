// Another kernel command line: which events change, and how.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/prediction/prediction.hpp"

#include <string>
#include <vector>

namespace sealmount {

/// The command lines that the log itself spells out, and whose digest is theirs: systemd-boot's and
/// systemd-stub's in PCR 12, GRUB's "kernel_cmdline: " in PCR 8.
[[nodiscard]] std::vector<std::string> logged_command_lines(const EventLog& log, PcrBank bank);

/// Applies "the kernel's command line is `after` instead of one of `before`": in PCR 12, in PCR 8 (with
/// GRUB's command "linux", and without the "BOOT_IMAGE=" that GRUB puts in front for the kernel), and in PCR
/// 9 where Linux's own stub measures it. A command line that was measured but is none of `before`, and GRUB's
/// commands that have it within others, make their PCR unpredictable. Throws Error{no_input} when none is
/// measured anywhere.
void replace_command_line(Forecast& forecast, const std::vector<std::string>& before,
                          const std::string& after);

} // namespace sealmount
