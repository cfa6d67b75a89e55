// The state of volumes and master keys as they are at this moment. Reads only.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "base/advice.hpp"
#include "core/master/master_unlock.hpp"
#include "core/store/store.hpp"
#include "core/volume/manifest.hpp"
#include "sys/host/machine_facts.hpp"

#include <optional>
#include <string>
#include <vector>

namespace sealmount {

struct VolumeStatus {
    Volume volume;
    bool mounted = false;
    bool mounted_by_others = false; ///< nothing of ours loaded keys for it, and it has none
    std::string unlocked_by;        ///< as loaded_by() of core/store/volume_state.hpp has it
    bool keys_loaded = false;
    std::vector<Problem> problems; ///< key files missing or damaged, keys in the way, as a check finds them;
                                   ///< and what keeps it from being mounted
    std::vector<Problem> warnings; ///< it is mounted, or would be, but not as people expect: read-only
    std::vector<std::string> remarks{}; ///< what its units are doing, and which have failed, a sentence each
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

/// Of all volumes of the manifest, or of the named one. Nothing is unsealed. `facts` answers for the machine
/// that the store is of; without, neither its units nor who else uses a lower directory are looked at. Throws
/// like Store.
[[nodiscard]] Status status_of(const Store& store, const Machine& machine,
                               const std::optional<std::string>& name, const MachineFacts* facts = nullptr);

} // namespace sealmount
