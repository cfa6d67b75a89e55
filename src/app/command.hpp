// sealmount: the command line for people, one verb at a time.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

namespace sealmount {

/// The whole program but `main`: arguments, the verb, exit code.
[[nodiscard]] int command(int argc, const char* const* argv);

} // namespace sealmount
