// What people and programs hear of a new master key.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "app/options/recovery_options.hpp"
#include "app/options/slot_session.hpp"
#include "core/slots/renewal.hpp"

#include <string>
#include <vector>

namespace sealmount {

void tell(const std::string& name, const Renewed& renewed, const Globals& globals);

/// The command line of a rebinding.
struct RebindOptions : SlotOptions {
    std::vector<std::string> passphrase_files;
    NewRecoveryOptions recovery;
    std::string present_file; ///< with the present recovery key, which the new master key is to take along
};

/// Binds the volumes of a master key to the present state with their passphrases: from the files, then typed.
/// Takes the store's lock once they are there. Throws Error.
void rebind_with_passphrases(const std::string& name, const RebindOptions& words, const Globals& globals);

} // namespace sealmount
