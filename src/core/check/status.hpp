// The state of volumes and master keys as they are at this moment. Reads only.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/master/master_unlock.hpp"
#include "core/store/store.hpp"
#include "core/volume/manifest.hpp"
#include "sys/keyring/keyring.hpp"
#include "sys/tpm/tpm.hpp"

#include <expected>
#include <optional>
#include <string>
#include <vector>

namespace sealmount {

struct VolumeStatus {
    Volume volume;
    bool mounted = false;
    std::string unlocked_by; ///< as loaded_by() of core/store/volume_state.hpp has it
    bool keys_loaded = false;
    std::vector<std::string> problems; ///< key files missing or damaged, keys in the way; one sentence each
};

struct MasterStatus {
    std::string name;
    std::vector<unsigned> fitting_slots; ///< those whose policy the present PCRs satisfy
    std::vector<std::string> weaknesses; ///< of its slots, one sentence each
    std::vector<unsigned> recovery_slots;
    MasterRefusal refusal; ///< why there is none; meaningful when fitting_slots is empty
};

/// All volumes of the manifest, or the named one. Throws like Store.
[[nodiscard]] std::vector<VolumeStatus> volume_status(const Store& store, Keyring& keyring,
                                                      const std::optional<std::string>& name);

/// Would the TPM release this master key now, by its PCRs and the name of its storage root key? Nothing is
/// unsealed.
[[nodiscard]] MasterStatus master_status(const Store& store, TpmOpener& opener, const Backoff& pause,
                                         const std::string& name);

} // namespace sealmount
