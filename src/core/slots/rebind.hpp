// Binding volumes to the present state with their passphrases, when the TPM no longer releases their master
// key: a new master key, since the old one is out of reach.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/ecryptfs/passphrase.hpp"
#include "core/slots/renewal.hpp"

#include <optional>

namespace sealmount {

/// A new master key for the volumes whose keys these are, by signature; all keys of its volumes must be
/// there. Its slots are made for the present state, one for each kind of lasting slot that the old master
/// file had, if the keys prove them; else, with a note, for PCR 7. It gets a slot for the recovery key, if
/// one is given: the old one cannot open it. Works with another TPM, too, if the context accepts one. Throws
/// Error; nothing was changed then.
Renewed rebind(const SlotContext& context, const std::string& master,
               const std::map<std::string, Fekek>& keys, const SecretBytes* recovery_key = nullptr);

/// The same bit by bit, as the passphrases of several volumes come in: the keys so far wait, encrypted under
/// the new master key and bound to the present state, until the last key is there. Each time that is another
/// master key: a planted one would wait just as well. Nothing while keys are missing. Only if the keys prove
/// the old master file and it allows that. Not for a master key that has a recovery key, since nobody would
/// see its new one; nor with another TPM: nobody is there to say that it may be trusted. Throws Error.
std::optional<Renewed> rebind_with(const SlotContext& context, const std::string& master,
                                   const std::vector<Fekek>& keys);

} // namespace sealmount
