// What a refusal can teach: which events of this boot are others than those that a slot was sealed to.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/master/master_unlock.hpp"
#include "core/volume/paths.hpp"

#include <string>
#include <vector>

namespace sealmount {

/// One line for each such event, "slot 1: PCR 4: event 23, ...", and for each that is gone. Nothing without a
/// log, or for slots that were made without one.
[[nodiscard]] std::vector<std::string> differing_events(const MasterRefusal& refusal, const Paths& paths);

} // namespace sealmount
