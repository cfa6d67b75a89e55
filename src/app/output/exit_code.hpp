// Exit codes: the one table from reasons and refusals to sysexits (sysexits.h(3head)). Documented in
// sealmount(8); the units use the same numbers by name.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "base/error.hpp"
#include "base/refusal.hpp"

namespace sealmount {

[[nodiscard]] int exit_code(Reason reason) noexcept;
[[nodiscard]] int exit_code(RefusalKind kind) noexcept;

} // namespace sealmount
