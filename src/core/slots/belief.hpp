// Bringing a store to the state in which all that is sealed by it is proved: a store of version 1, and slots
// that were in one.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/store/store_check.hpp"

#include <string>
#include <vector>

namespace sealmount {

/// With what slots are tried. Only refers; everything must outlive the call.
struct SlotProver {
    Tpm& tpm;
    PolicyFileReader files;
    const Backoff& backoff;
    const SecretBytes* pin = nullptr;
    /// Somebody has run this who may agree to what the manifest says of rebinding.
    bool is_attended = true;
};

/// The file of a master key that opens its keys, brought up to date under the store's lock. A store of
/// version 1 is written again as a whole, its keys with bound vectors. Nothing shows who wrote its slots, so
/// a slot counts only if the TPM releases this very master key from it now, and demands what it says: then
/// the TPM itself has proved its policy. The others stay, and may open, but nothing is sealed to their
/// policies. That is tried again whenever there are such. Keys that the file does not know are added to it.
/// Throws Error.
[[nodiscard]] MasterFile brought_up_to_date(const Store& store, const SlotProver& prover,
                                            const std::string& name, MasterFile file,
                                            const SecretBytes& master);

/// Does the manifest let a volume under this master key rebind it?
[[nodiscard]] bool manifest_lets_rebind(const Store& store, std::string_view master);

/// Throws Error{refused} for what check_of_store() would refuse, where the master key did not come from a
/// slot.
void require_proved(const Store& store, const std::string& name, const MasterFile& file,
                    const SecretBytes& master);

} // namespace sealmount
