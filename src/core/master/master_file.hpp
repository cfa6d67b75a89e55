// The master file: parent and slots of a master key, /etc/sealmount/masters/NAME.json. Machine-written.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/master/measured_events.hpp"
#include "core/policy/policy.hpp"
#include "sys/tpm/tpm.hpp"

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

    bool operator==(const RecoverySlot&) const = default;
};

/// Slots of both kinds share one series of numbers. Those of the TPM are tried, pruned and replaced; those of
/// recovery keys stay until somebody revokes them.
struct MasterFile {
    TpmName srk_name;        ///< pins the TPM: another one at `srk_handle` means cleared or swapped
    std::vector<Slot> slots; ///< of the TPM
    std::vector<RecoverySlot> recovery{};

    /// The TPM's slot of this number, or nullptr.
    [[nodiscard]] const Slot* find(unsigned id) const;
    [[nodiscard]] const RecoverySlot* find_recovery(unsigned id) const;
    /// A number that no slot has: one more than the highest.
    [[nodiscard]] unsigned next_id() const;
    bool operator==(const MasterFile&) const = default;
};

[[nodiscard]] std::string write_master_file(const MasterFile& master);

/// Throws Error{bad_data} that begins with the place, e.g. "slots[0].sealed: ...".
[[nodiscard]] MasterFile read_master_file(std::string_view text);

} // namespace sealmount
