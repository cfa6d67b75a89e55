// Making a slot: the master key sealed to a policy, and proved as far as the present state allows.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/master/master_unlock.hpp"

#include <functional>
#include <string>
#include <vector>

namespace sealmount {

/// A policy whose literal PCRs have values, and the events that make them, where there is a log.
struct BoundPolicy {
    Policy policy;
    MeasuredEvents events;
};

/// The literal PCRs of a policy given the values of the present. More than one policy where volumes are
/// unlocked in a state other than that: systemd extends PCR 11 further when the volumes are there, so a slot
/// for the boot and one for later are needed.
using PresentBinder = std::function<std::vector<BoundPolicy>(Tpm& tpm, const Policy& policy)>;

/// The values as they are, and nothing else.
[[nodiscard]] PresentBinder bind_to_present_values(PolicyFileReader files);

/// The present time as master files have it: RFC 3339, UTC.
[[nodiscard]] std::string now_rfc3339();

/// Seals the master key to the slot's policy, whose PCRs have values, under the storage root key of this name
/// and no other; `pin` goes with a policy that has one. Throws Error.
[[nodiscard]] Slot seal_slot(Tpm& tpm, const TpmName& srk, const SecretBytes& master, const SecretBytes* pin,
                             Slot slot);

/// The storage root key that the TPM has: one that could be sealed under, or made where there is none.
/// Whether it may be trusted is decided elsewhere (core/slots/srk_trust.hpp). Throws Error.
struct SealingParent {
    TpmName name;
    bool is_new = false;
};
[[nodiscard]] SealingParent srk_to_seal_under(Tpm& tpm);

enum class SlotProof {
    unsealed, ///< it gave the very master key
    loaded,   ///< it is for another state: the TPM accepted the object, which is sealed to the very policy of
              ///< the slot, and only that prevented more
};

/// Tries the slot, alone. Throws Error when it gives another key, or none for a reason other than its policy.
[[nodiscard]] SlotProof prove_slot(Tpm& tpm, const UnsealRequest& request, const Slot& slot,
                                   const SecretBytes& master, const Backoff& backoff);

} // namespace sealmount
