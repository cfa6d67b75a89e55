// Asking through systemd's password agents (systemd.io/PASSWORD_AGENTS): console, Plymouth, wall, ssh.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "sys/prompt/prompt.hpp"

#include <memory>

namespace sealmount {

/// Runs systemd-ask-password(1), whose protocol side libsystemd does not export; the answer crosses one pipe
/// into locked memory.
[[nodiscard]] std::unique_ptr<Prompt> password_agents();

} // namespace sealmount
