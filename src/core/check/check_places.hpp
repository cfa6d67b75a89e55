// The part of a check that is about volumes beside each other: their directories.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/check/check.hpp"

#include <vector>

namespace sealmount {

/// Appends a finding for each of `volumes` that lies where it must not, because of any volume of the
/// manifest.
void check_places(const CheckContext& context, const std::vector<Volume>& volumes,
                  std::vector<Finding>& findings);

} // namespace sealmount
