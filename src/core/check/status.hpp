// The state of volumes and master keys as they are at this moment. Reads only.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "base/advice.hpp"
#include "core/master/master_unlock.hpp"
#include "core/store/store.hpp"
#include "core/volume/manifest.hpp"

#include <optional>
#include <string>
#include <vector>

namespace sealmount {

struct VolumeStatus {
    Volume volume;
    bool mounted = false;
    std::string unlocked_by; ///< as loaded_by() of core/store/volume_state.hpp has it
    bool keys_loaded = false;
    std::vector<Problem> problems; ///< key files missing or damaged, keys in the way, as a check finds them
    std::vector<Problem> warnings; ///< it is mounted, or would be, but not as people expect: read-only
};

struct MasterStatus {
    std::string name;
    std::vector<unsigned> fitting_slots{}; ///< those whose policy the present PCRs satisfy
    std::vector<std::string> weaknesses{}; ///< of its slots, one sentence each
    std::vector<unsigned> recovery_slots{};
    MasterRefusal refusal{}; ///< why there is none; meaningful when fitting_slots is empty

    /// Would the TPM release it now, by its PCRs and the name of its storage root key?
    [[nodiscard]] bool opens_now() const { return !fitting_slots.empty(); }
};

struct Status {
    std::vector<VolumeStatus> volumes;
    std::vector<MasterStatus> masters; ///< those of the volumes, by name
    std::vector<Error> problems;       ///< of the manifest, when all of it was asked for

    /// Nothing has a problem. That a master key does not open now is not one: the passphrase opens.
    [[nodiscard]] bool is_well() const;
};

/// Of all volumes of the manifest, or of the named one. Nothing is unsealed. Throws like Store.
[[nodiscard]] Status status_of(const Store& store, const Machine& machine,
                               const std::optional<std::string>& name);

} // namespace sealmount
