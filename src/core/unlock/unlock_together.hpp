// The boot story of all automatic volumes of a master key at once: one unseal, without a question.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/unlock/unlock.hpp"

#include <optional>
#include <string_view>
#include <vector>

namespace sealmount {

struct UnlockedTogether {
    /// An unlock by the TPM, with the volume that it was asked for; the others are in its `also_loaded`.
    struct Unlock {
        Volume volume;
        Unlocked unlocked;
    };

    std::vector<Volume> volumes;   ///< the automatic ones of the master key
    std::vector<Unlock> unlocks{}; ///< none when all keys were there already, or the TPM refused
    /// The last one, where there was any: each volume that has no keys asks for itself then, in
    /// load_volume().
    std::optional<MasterRefusal> refusal{};
};

/// Loads the keys of all volumes of the master key that are mounted at boot by units of ours, whatever was
/// stopped before that boot. What was stopped since, or is stopped while it runs, stays stopped. Asks nobody.
/// A damaged key file, or a demand for a trusted key that cannot be met, costs only its own volume. Throws
/// Error when the manifest as a whole is unusable.
[[nodiscard]] UnlockedTogether load_automatic_volumes(const UnlockContext& context, std::string_view master);

} // namespace sealmount
