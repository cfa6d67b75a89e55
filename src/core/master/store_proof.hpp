// What is believed of the store, and why: the proof of a master file and of the keys under its master key.
//
// Whoever can write /etc/sealmount, a restored backup or a disk in another machine, can write anything there,
// and can seal master keys of its own with the machine's TPM. It has not the master key of the volumes. So
// what a file says counts only when the master key that authenticates it is the one of the volumes' keys.
//
// The proof of a master file is the text of an encrypted key under its master key that nobody uses
// (core/ecryptfs/encrypted_key.hpp, compose_proof()). Userspace checks it where it has the master key. Where
// only the kernel has it, the kernel does: it refuses to load a text whose HMAC is not that of format,
// master's description, length, initialization vector and contents (Linux 6.1 to 7.x,
// security/keys/encrypted-keys/encrypted.c, datablob_hmac_verify()), and the vector is the digest of the
// file.
//
// That a file of version 1 has no proof excuses nothing where the keys are of version 2: their vectors, which
// the kernel authenticates in the same way, say which they are.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "base/refusal.hpp"
#include "core/ecryptfs/encrypted_key.hpp"
#include "core/ecryptfs/passphrase.hpp"
#include "core/master/master_file.hpp"
#include "sys/keyring/keyring.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace sealmount {

/// The texts of encrypted keys, by signature.
using KeyTexts = std::map<std::string, std::string>;

/// Is there one whose name says which key it has to be? dracut's does not, and anybody can make such a key.
[[nodiscard]] bool has_telling_names(const KeyTexts& texts);

/// What a master key is tried on. Only refers; everything must outlive it.
struct StoreEvidence {
    std::string_view name; ///< of the master key
    const MasterFile& file;
    /// Of keys whose text says that they are under this master key: those that are to be used.
    const KeyTexts& texts;
    /// With a file of version 1 in an unlock: all that say that they are under it. They show its version.
    const KeyTexts* others = nullptr;
};

/// Nothing when this master key proves file and keys. store_changed when it does not prove the file, when a
/// text under it is of the other version than the file, or when the FEKEK in one is not the one of its name;
/// text_rejected when there are texts and none of them is under it: one that is not is damaged. A key with
/// dracut's name counts only where there is no other.
[[nodiscard]] std::optional<Refusal> problem_with_store(const StoreEvidence& evidence,
                                                        const SecretBytes& master);

/// The same where the kernel has the master key as "trusted:NAME": the file by its proof; one of version 1 by
/// the first of the texts. What is in them the kernel shows nobody. Nothing stays loaded; the TPM is not
/// asked. Nothing, too, where the kernel has no encrypted keys or none under trusted ones: then it loads none
/// either.
[[nodiscard]] std::optional<Refusal> problem_with_store(const StoreEvidence& evidence, Keyring& keyring);

/// The proof of a recovery slot, which is not part of what the seal proves: it can be revoked when the master
/// key is out of reach, and only somebody who has it can add one. HMAC-SHA-256 under a key that HKDF derives
/// from the master key and the slot's salt.
[[nodiscard]] Bytes recovery_proof(std::string_view name, const RecoverySlot& slot,
                                   const SecretBytes& master);

/// The proof of the slots under a volume's key, for KEY_PROOFS of a master file.
[[nodiscard]] Bytes key_proof(std::string_view name, const MasterFile& file, const Fekek& fekek);

/// Does this key prove what the slots of a sealed file are? Nothing when the file does not know the key.
[[nodiscard]] std::optional<bool> is_proved_by(std::string_view name, const MasterFile& file,
                                               const Fekek& fekek);

/// What becomes of the proofs that a file has already.
enum class KnownProofs {
    dropped,
    kept, ///< the slots are as they were, and so are proofs, also of a key whose text is missing or damaged
};

/// The file as it is to be written: proved under each of the keys whose texts these are, as far as they open
/// under the master key, and under the master key itself.
[[nodiscard]] MasterFile proved(std::string_view name, MasterFile file, const SecretBytes& master,
                                const KeyTexts& texts, KnownProofs known = KnownProofs::dropped);

} // namespace sealmount
