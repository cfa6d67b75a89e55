// What a change that was named means beyond the digests that it replaces. GRUB measures its script, the
// script's commands and the names of files; shim and systemd-boot in another version measure otherwise; a
// unified image holds the command line. Nothing is guessed: a PCR that may change otherwise cannot be
// predicted; what GRUB makes of files as they are then is computed elsewhere (core/reproduction).
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/prediction/prediction_files.hpp"

namespace sealmount {

/// The file `before` of this boot has been replaced by `after`: a boot loader, a file of GRUB's script, a
/// kernel or initrd that may have another name, or be one of several. Goes with replace_file(), behind it.
void doubt_after_file(Forecast& forecast, const NamedFile& before, const NamedFile& after);

/// The kernel's command line is another one: it may be in GRUB's script, or in a unified image.
void doubt_after_command_line(Forecast& forecast);

} // namespace sealmount
