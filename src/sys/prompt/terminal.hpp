// Asking on the controlling terminal of a command-line program.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "sys/prompt/prompt.hpp"

#include <memory>

namespace sealmount {

/// Asks on /dev/tty without echo (termios(3)); the terminal's mode is restored also on a signal. no_prompt
/// where there is no terminal. `timeout` of zero waits for ever.
[[nodiscard]] std::unique_ptr<Prompt> terminal_prompt();

} // namespace sealmount
