// A file of the boot chain is replaced by another one: which events change, and how.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/prediction/prediction.hpp"

#include <string>

namespace sealmount {

struct NamedFile {
    std::string name; ///< for messages
    std::string contents;
};

/// Applies "`before` is replaced by `after`": wherever the log has the digest of `before` (as it is, padded
/// with zeros to four bytes as initrds are passed, or its Authenticode digest as firmware measures
/// images), it will be that of `after`. Of unified kernel images also the kernel inside, the sections in PCR
/// 11, and what the kernel's own stub measures of initrd and command line. Throws Error{no_input} naming
/// `before` when it is not measured, Error{bad_data} naming `after` when it is not of the same kind.
void replace_file(Forecast& forecast, const NamedFile& before, const NamedFile& after);

} // namespace sealmount
