// What a refusal can teach: which events of this boot differ from those that a slot was sealed to.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "base/advice.hpp"
#include "core/master/master_unlock.hpp"
#include "core/volume/paths.hpp"

#include <vector>

namespace sealmount {

/// A sentence for each such event, "slot 1: PCR 4: event 23, ...", and for those that are gone. Nothing
/// without a log, or for slots that were made without one.
[[nodiscard]] std::vector<Problem> differing_events(const MasterRefusal& refusal, const Paths& paths);

} // namespace sealmount
