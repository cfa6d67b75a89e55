// The block of variables (grubenv) that this boot found, of which the log has only the digest: GRUB, and
// services of the machine, have changed it since.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/events/event_log.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace sealmount {

/// The block from which that of `now` came, by changes that GRUB's scripts and their services make
/// (core/grub/grub_states.hpp): of an entry chosen for one boot, a saved one, and the marks of a boot that
/// failed or did not. The values come from the commands in the log. Nothing when no block that was tried has
/// a digest in the log; whatever is returned has one, so that a wrong guess cannot be.
[[nodiscard]] std::optional<std::string> found_environment(std::string_view now, const EventLog& log,
                                                           PcrBank bank);

} // namespace sealmount
