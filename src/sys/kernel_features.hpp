// What the running kernel can do, apart from keys (keyring.hpp).
//
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

namespace sealmount {

/// Is eCryptfs there: registered, or as a module of this kernel that modprobe(8) would load?
[[nodiscard]] bool kernel_has_ecryptfs();

} // namespace sealmount
