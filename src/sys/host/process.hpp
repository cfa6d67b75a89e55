// Process: what a program that handles keys does first, and what may not interrupt it.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include <csignal>

namespace sealmount {

/// Makes the process non-dumpable (prctl(2) PR_SET_DUMPABLE: no core, no ptrace by others, /proc/self owned
/// by root), sets RLIMIT_CORE to 0 and the umask to 077. Throws Error{os}.
void harden_process();

/// Until destruction, SIGTERM, SIGINT and SIGHUP wait: what is unfinished, a session in the TPM or a key that
/// is not yet protected, is finished first. Whoever pauses meanwhile asks termination_is_pending().
class SignalsHeld {
  public:
    SignalsHeld() noexcept;
    SignalsHeld(const SignalsHeld&) = delete;
    SignalsHeld& operator=(const SignalsHeld&) = delete;
    /// A signal that came meanwhile takes effect now.
    ~SignalsHeld();

  private:
    ::sigset_t before_ = {};
};

/// Has one of those signals arrived, and is it waiting?
[[nodiscard]] bool termination_is_pending() noexcept;

} // namespace sealmount
