// sealmount-unlock: loads and unloads keys, for sealmount-unlock@.service (all volumes of a master key),
// sealmount-load@.service and sealmount-keys@.service (one volume).
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

namespace sealmount {

/// The whole program but `main`: arguments, the real world, exit code.
[[nodiscard]] int unlock_command(int argc, const char* const* argv);

} // namespace sealmount
