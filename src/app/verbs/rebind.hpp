// Binding volumes to the present state with their passphrases: the verb rebind, and reseal --recover.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "app/options/recovery_options.hpp"
#include "app/options/slot_session.hpp"

#include <string>
#include <vector>

namespace sealmount {

/// The command line as it was written.
struct RebindOptions : SlotOptions {
    std::vector<std::string> passphrase_files;
    NewRecoveryOptions recovery;
    std::string present_file; ///< with the present recovery key, which is to open the new master key too
    bool new_tpm = false;     ///< the TPM is another one than before
};

/// Binds the volumes of a master key with their passphrases: from the files, then typed. Takes the store's
/// lock once they are there. Throws Error.
void rebind_with_passphrases(const std::string& master, const RebindOptions& options, const Globals& globals,
                             const Machine& machine);

} // namespace sealmount
