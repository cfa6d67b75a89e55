// Asking on the controlling terminal of a command-line program.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "sys/prompt/prompt.hpp"

#include <memory>

namespace sealmount {

/// Asks on /dev/tty without echo (termios(3)); the terminal's mode is restored on a signal too. no_prompt
/// where there is no terminal. A `timeout` of zero waits without limit.
[[nodiscard]] std::unique_ptr<Prompt> terminal_prompt();

} // namespace sealmount
