// Would every volume open at the next boot, as far as what that will measure can be found out now?
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/check/check.hpp"
#include "core/prediction/prediction.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace sealmount {

/// The PCRs of the next boot, when volumes are unlocked; a reason where that cannot be predicted.
struct NextPcrState {
    std::string origin{}; ///< of GRUB's variables in grubenv, a clause: "as it is now"; "" without GRUB
    Prediction values{};
};
/// For each state that a boot may find; the first is that of now. At least one.
using NextPcrs = std::function<std::vector<NextPcrState>(Tpm& tpm, PcrSelection selection)>;

/// One finding for each master key that a volume (or the named one) uses: good when the policy of a slot
/// without a PIN will hold, with the predicted PCRs and one more reset on the TPM's count; else bad, with
/// what stands against each slot. That is about the state of now; a state of grubenv that a later boot may
/// find, or one after a boot that failed, is a warning where no slot opens in it. A PCR that cannot be
/// predicted stands only against the slots that use it. Unseals nothing. Throws Error as check() does.
[[nodiscard]] std::vector<Finding> check_next_boot(const CheckContext& context,
                                                   const std::optional<std::string>& name,
                                                   const NextPcrs& next_pcrs);

} // namespace sealmount
