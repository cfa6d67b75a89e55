// What a change that was named means behind GRUB: it measures its script, the script's commands and the names
// of files, so a change of a file is often more than another digest in its place. Nothing is guessed: a PCR
// that may change otherwise cannot be predicted; what GRUB makes of files as they are then is computed
// elsewhere (core/reproduction).
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/prediction/prediction_files.hpp"

namespace sealmount {

/// The file `before` of this boot has been replaced by `after`: GRUB itself, a file of its script, a kernel
/// or initrd that lies beside the old one under another name.
void doubt_after_file(Forecast& forecast, const NamedFile& before, const NamedFile& after);

/// The kernel's command line is another one: it is in the script.
void doubt_after_command_line(Forecast& forecast);

} // namespace sealmount
