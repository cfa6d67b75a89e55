// Master keys by their recovery key: a new one, its revocation, and slots for the machine's TPM when the old
// ones do not open.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/master/recovery_key.hpp"
#include "core/slots/renewal.hpp"

#include <optional>
#include <string>
#include <vector>

namespace sealmount {

/// The master key that the recovery key opens. Throws Error{refused} when it opens none, or there is none.
[[nodiscard]] RecoveredMaster open_by_recovery_key(const Store& store, const std::string& name,
                                                   const SecretBytes& recovery_key);

/// A master key that did not come from the TPM, ready to be sealed by the machine's: it has proved its file,
/// and the TPM has a storage root key. Slots that the TPM cannot load, because another one made them or they
/// are damaged, are gone from `file`, though not from the disk. Throws Error.
[[nodiscard]] OpenMaster ready_to_reseal(const SlotContext& context, const std::string& name,
                                         SecretBytes key);

/// Seals it to the present state: a slot for each kind that it had, or to PCR 7. The recovery keys stay, and
/// so do slots that this TPM can load. Throws Error.
Renewed reseal_recovered(const SlotContext& context, const std::string& name, SecretBytes key);

/// Writes a slot for a new recovery key beside what is there, and opens it again as it stands on the disk.
/// Its number. Throws Error.
unsigned add_recovery_key(const Store& store, const std::string& name, const SecretBytes& master,
                          const SecretBytes& recovery_key);

/// Drops the slots of all recovery keys, or of all but one. Returns those dropped.
std::vector<unsigned> revoke_recovery_keys(const Store& store, const std::string& name,
                                           std::optional<unsigned> but);

} // namespace sealmount
