// Policies with values for their literal PCRs: those of a boot to come.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "app/options/prediction_options.hpp"
#include "core/master/seal_slot.hpp"

#include <vector>

namespace sealmount {

/// The values after the next boot, as the options describe it: for when volumes are unlocked, and where PCR
/// 11 will be another one after that, also for then; and the same for each state of grubenv that a boot may
/// find. Throws Error{unavailable} with the reason for each PCR that cannot be predicted in the state of now;
/// warns of those in other states, for which nothing is made.
[[nodiscard]] std::vector<BoundPolicy>
bound_to_prediction(const Policy& policy, const PredictionOptions& options, const Paths& paths, Tpm& tpm);

/// The predicted values of all PCRs of these banks that can be predicted, for each state that a boot may
/// find.
[[nodiscard]] std::vector<std::map<PcrBank, PcrValues>>
predicted_values(const std::vector<PcrSelection>& selections, const PredictionOptions& options,
                 const Paths& paths, Tpm& tpm);

} // namespace sealmount
