// The verbs of `sealmount`: one file each, one table (app/command.cpp).
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "app/arguments/arguments.hpp"
#include "app/options/globals.hpp"
#include "sys/host/machine.hpp"

#include <functional>
#include <memory>

namespace sealmount {

/// Does what the verb is for, with the values that its arguments were given. Returns the exit code; throws
/// Error.
using Run = std::function<int(const Globals& globals, const Machine& machine)>;

// Each declares the arguments and options of its verb, and returns what runs it. What is returned owns the
// variables that the arguments go into.
[[nodiscard]] Run declare_check(Arguments& verb);
[[nodiscard]] Run declare_enroll(Arguments& verb);
[[nodiscard]] Run declare_events(Arguments& verb);
[[nodiscard]] Run declare_ground(Arguments& verb);
[[nodiscard]] Run declare_import_dracut(Arguments& verb);
[[nodiscard]] Run declare_import_fstab(Arguments& verb);
[[nodiscard]] Run declare_import_private(Arguments& verb);
[[nodiscard]] Run declare_inspect(Arguments& verb);
[[nodiscard]] Run declare_list(Arguments& verb);
[[nodiscard]] Run declare_predict(Arguments& verb);
[[nodiscard]] Run declare_prune(Arguments& verb);
[[nodiscard]] Run declare_rebind(Arguments& verb);
[[nodiscard]] Run declare_recover(Arguments& verb);
[[nodiscard]] Run declare_recovery_key(Arguments& verb);
[[nodiscard]] Run declare_remove(Arguments& verb);
[[nodiscard]] Run declare_reseal(Arguments& verb);
[[nodiscard]] Run declare_resume(Arguments& verb);
[[nodiscard]] Run declare_rotate(Arguments& verb);
[[nodiscard]] Run declare_sign_policy(Arguments& verb);
[[nodiscard]] Run declare_slots(Arguments& verb);
[[nodiscard]] Run declare_status(Arguments& verb);
[[nodiscard]] Run declare_suspend(Arguments& verb);

} // namespace sealmount
