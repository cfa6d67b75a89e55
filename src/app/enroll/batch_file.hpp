// The list of `sealmount enroll --batch`: many volumes, enrolled one after another (sealmount(8), BATCH
// FILES).
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "app/enroll/enroll_command.hpp"

#include <string_view>
#include <vector>

namespace sealmount {

/// Reads the list. What a volume does not say is as in `defaults`, the command line's. Nothing is looked up.
/// Throws Error{config} with the place, such as "volumes[2].lower: ...", also when two volumes have the same
/// name or mount point.
[[nodiscard]] std::vector<EnrollOptions> read_batch(std::string_view text, const EnrollOptions& defaults);

} // namespace sealmount
