// sealmount-unlock: loads and unloads the keys of one volume, for sealmount-unlock@.service.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

namespace sealmount {

/// The whole program but `main`: arguments, the real world, exit code.
[[nodiscard]] int unlock_command(int argc, const char* const* argv);

} // namespace sealmount
