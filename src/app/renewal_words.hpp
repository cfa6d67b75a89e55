// What people and programs hear of a new master key.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "app/recovery_options.hpp"
#include "app/slot_desk.hpp"
#include "core/renewal.hpp"

#include <string>
#include <vector>

namespace sealmount {

void tell(const std::string& name, const Renewed& renewed, const Globals& globals);

/// The command line of a rebinding.
struct RebindWords : SlotWords {
    std::vector<std::string> passphrase_files;
    NewRecoveryWords recovery;
    std::string present_file; ///< with the present recovery key, which the new master key is to take along
};

/// Binds the volumes of a master key to the present state with their passphrases: from the files, then typed.
/// Takes the store's lock once they are there. Throws Error.
void rebind_with_passphrases(const std::string& name, const RebindWords& words, const Globals& globals);

} // namespace sealmount
