// Policies bound to what this machine measured: the values that their PCRs hold now, and, where PCR 11 was
// another one when volumes were unlocked, those of then.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/master/seal_slot.hpp"
#include "core/volume/paths.hpp"

#include <optional>
#include <string>
#include <vector>

namespace sealmount {

/// Is PCR 11 asked for, and its value left open?
[[nodiscard]] bool has_open_uki_pcr(const PcrPolicy& literal);

/// The boot phases that PCR 11 of the running system has in it; nothing when the logs do not show it.
[[nodiscard]] std::optional<std::vector<std::string>> present_phases(const Paths& paths, Tpm& tpm,
                                                                     PcrBank bank);

/// The two without repetition.
[[nodiscard]] std::vector<BoundPolicy> for_boot_and_later(Policy boot, Policy later,
                                                          const MeasuredEvents& events);

/// The present values; and where PCR 11 is asked for and the logs show that it was another one when volumes
/// were unlocked, before that a policy for then.
[[nodiscard]] PresentBinder bind_to_present(const Paths& paths);

} // namespace sealmount
