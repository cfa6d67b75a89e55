// The part of a check that is about the TPM, before any master key is.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/check/check.hpp"

#include <memory>
#include <vector>

namespace sealmount {

/// Appends the findings about the TPM: present, lockout, who is in the way. Returns it; nullptr when nothing
/// more about it can be looked at.
[[nodiscard]] std::unique_ptr<Tpm> check_tpm(const CheckContext& context, bool trusted_demanded,
                                             std::vector<Finding>& findings);

} // namespace sealmount
