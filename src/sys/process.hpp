// Process: what a program that handles keys does first.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

namespace sealmount {

/// Makes the process non-dumpable (prctl(2) PR_SET_DUMPABLE: no core, no ptrace by others, /proc/self owned
/// by root), sets RLIMIT_CORE to 0 and the umask to 077. Throws Error{os}.
void harden_process();

} // namespace sealmount
