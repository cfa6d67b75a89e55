// The part of a check that is about the running kernel: what keys, file systems and ciphers it has.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/check/check.hpp"

#include <vector>

namespace sealmount {

/// Appends what the kernel has of what these volumes need: eCryptfs, encrypted and trusted keys, each
/// volume's ciphers, MD5. `trusted_demanded`: a volume does not open without trusted keys.
void check_kernel(const CheckContext& context, const std::vector<Volume>& volumes, bool trusted_demanded,
                  std::vector<Finding>& findings);

} // namespace sealmount
