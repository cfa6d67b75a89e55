// A new master key in the making: with its slots and the keys that are encrypted under it, until all of it
// takes the place of the old.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/ecryptfs/encrypted_key.hpp"
#include "core/slots/slots.hpp"
#include "sys/crypto/crypto.hpp"

#include <map>
#include <string>
#include <vector>

namespace sealmount {

/// What a new master key has now.
struct Renewed {
    std::vector<unsigned> slots;
    std::vector<unsigned> left_out; ///< slots that require a PIN which nobody gave, suspensions, and slots
                                    ///< that are not what the file says, or that nothing proves
    std::vector<std::string> keys;  ///< signatures
    std::vector<std::string> notes; ///< what was given up, one sentence each
    std::vector<unsigned> recovery; ///< slots of recovery keys
};

struct Renewal {
    MasterFile file;
    SecretBytes key = random_secret(master_key_size);
    std::map<std::string, std::string> texts; ///< by signature

    /// Composes the text of a key under trusted:`master` and proves that it opens. Throws Error{internal}.
    void add_key(const std::string& master, const std::string& signature, const SecretBytes& fekek);
    /// A slot for the recovery key, unless it is nullptr, with the number behind those of the TPM.
    void add_recovery_key(const std::string& master, const SecretBytes* recovery_key);
};

/// The FEKEK in a key file, which must be the one of that name. Throws Error that names the file.
[[nodiscard]] SecretBytes volume_key_in(const Store& store, const std::string& signature,
                                        const SecretBytes& master);

/// The signatures of all volumes under this master key. Throws Error{config} when a volume of the manifest is
/// bad: what it needs cannot be known then.
[[nodiscard]] std::vector<std::string> signatures_under(const Store& store, const std::string& master);

/// Proves the slots, of which at least one must open now, and writes all of it in place of the old master
/// key. Throws Error; nothing was changed then.
void commit(const SlotContext& context, Tpm& tpm, const std::string& name, const Renewal& renewal,
            const SecretBytes* pin, Renewed& renewed);

} // namespace sealmount
