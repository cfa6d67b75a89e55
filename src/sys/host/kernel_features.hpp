// What the running kernel can do, apart from keys (keyring.hpp).
//
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>

namespace sealmount {

/// Is eCryptfs there: registered, or as a module of this kernel that modprobe(8) would load?
[[nodiscard]] bool kernel_has_ecryptfs();

/// The running kernel's release, as `uname -r` prints it.
[[nodiscard]] std::string kernel_release();

} // namespace sealmount
