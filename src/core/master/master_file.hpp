// The master file: parent and slots of a master key, /etc/sealmount/masters/NAME.json. Machine-written.
// Version 2 is proved under its master key (core/master/store_proof.hpp); version 1, which sealmount 0.1
// wrote, is believed by nobody who seals.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/master/measured_events.hpp"
#include "core/policy/policy.hpp"
#include "sys/tpm/tpm.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace sealmount {

/// One sealed object of a master key with the policy it was sealed to.
struct Slot {
    unsigned id = 1;
    Policy policy;
    SealedObject sealed;
    std::string created;     ///< RFC 3339, UTC
    std::string note;        ///< why it was made, for people
    MeasuredEvents events{}; ///< of its literal PCRs; empty where there was no log
    /// It was in a file of version 1, and has not opened to this master key since: it may, but its policy is
    /// never sealed to again.
    bool is_unproven = false;

    bool operator==(const Slot&) const = default;
};

inline constexpr std::size_t recovery_salt_size = 32;
inline constexpr std::size_t recovery_nonce_size = 12;
inline constexpr std::size_t wrapped_master_size = 32 + 16; ///< with the tag of AES-GCM

/// The master key wrapped with a recovery key (core/master/recovery_key.hpp).
struct RecoverySlot {
    unsigned id = 1;
    std::vector<std::byte> salt;
    std::vector<std::byte> nonce;
    std::vector<std::byte> wrapped;
    std::string created; ///< RFC 3339, UTC
    std::string note;    ///< why it was made, for people
    /// Under the master key (core/master/store_proof.hpp); empty in a file of version 1.
    std::vector<std::byte> proof{};

    bool operator==(const RecoverySlot&) const = default;
};

/// Slots of both kinds share one series of numbers. Those of the TPM are tried, pruned and replaced; those of
/// recovery keys stay until somebody revokes them.
struct MasterFile {
    TpmName srk_name;        ///< pins the TPM: another one at `srk_handle` means cleared or swapped
    std::vector<Slot> slots; ///< of the TPM
    std::vector<RecoverySlot> recovery{};
    /// Whoever typed a passphrase may bind the master key to the present state, at boot and unattended: the
    /// manifest says so, and somebody who had the master key has agreed.
    bool may_rebind = false;
    /// For each key that was under this master key when the file was written: a proof of the slots under
    /// the FEKEK, for those who have a passphrase and not the master key.
    std::map<std::string, std::vector<std::byte>> key_proofs{};
    /// The proof of all but `recovery` under the master key; "" in a file of version 1.
    std::string seal{};

    [[nodiscard]] bool is_sealed() const { return !seal.empty(); }
    /// The TPM's slot of this number, or nullptr.
    [[nodiscard]] const Slot* find(unsigned id) const;
    [[nodiscard]] const RecoverySlot* find_recovery(unsigned id) const;
    /// A number that no slot has: one more than the highest.
    [[nodiscard]] unsigned next_id() const;
    bool operator==(const MasterFile&) const = default;
};

/// Version 2 if it is sealed, else version 1.
[[nodiscard]] std::string write_master_file(const MasterFile& master);

/// What the seal proves: the text of version 2 without the members "seal" and "recovery", its last two. In a
/// file as sealmount writes it, that is the text before the line of the seal, and "\n}\n".
[[nodiscard]] std::string sealed_form(const MasterFile& master);

/// What the keys prove: the same without "keys".
[[nodiscard]] std::string slots_form(const MasterFile& master);

/// What a recovery slot's own proof is about: its text without that.
[[nodiscard]] std::string recovery_form(const RecoverySlot& slot);

/// Throws Error{bad_data} that begins with the place, e.g. "slots[0].sealed: ...".
[[nodiscard]] MasterFile read_master_file(std::string_view text);

} // namespace sealmount
