// Slots: adding one for another state of the machine, and taking away what no longer fits. What is new is
// proved before anything old goes, and a master key never loses the last slot that opens.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/master/seal_slot.hpp"
#include "core/slots/belief.hpp"
#include "core/store/store.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sealmount {

/// What these stories need beside their master key. Only refers; everything must outlive the call. Whoever
/// calls holds the store's lock.
struct SlotContext {
    const Machine& machine;
    const Store& store;
    /// Asked for the PIN of the slots that have one, when no other opens or when they are to be made again;
    /// nothing: there is nobody to ask.
    std::function<std::optional<SecretBytes>()> ask_pin = [] { return std::nullopt; };
    PresentBinder bind = {}; ///< empty: bind_to_present_values()
    /// A person has said that the TPM may be another one than before (core/slots/srk_trust.hpp).
    bool accepts_new_tpm = false;
    /// Somebody runs this. What a boot or a hook does by itself agrees to nothing that is new in the
    /// manifest.
    bool is_attended = true;

    [[nodiscard]] std::vector<BoundPolicy> bound(Tpm& present, const Policy& policy) const {
        return bind ? bind(present, policy) : bind_to_present_values(store.policy_files())(present, policy);
    }
    [[nodiscard]] UnsealRequest request_for(const MasterFile& master,
                                            const SecretBytes* pin = nullptr) const {
        return {.file = master, .files = store.policy_files(), .pin = pin};
    }
};

/// A master key that the TPM has released to us, and that has proved its file.
struct OpenMaster {
    std::string name;
    MasterFile file;
    SecretBytes key{};
    unsigned slot = 0; ///< that released it
    std::optional<SecretBytes> pin{};
    std::unique_ptr<Tpm> tpm{};
    MasterFile whole{}; ///< the file as it was proved, with slots that this TPM cannot load

    [[nodiscard]] const SecretBytes* pin_or_null() const { return pin ? &*pin : nullptr; }
};

/// Unseals it, has it prove file and keys, and brings a store of version 1 up to date. A slot that opens to
/// another master key than that of the keys is one that does not open. Throws Error{refused} with what
/// prevents each slot from opening, or {unavailable}.
[[nodiscard]] OpenMaster open_master(const SlotContext& context, const std::string& name);

/// The same for a master key that came in another way, when its file is proved (core/slots/belief.hpp).
void bring_up_to_date(const SlotContext& context, OpenMaster& master);

/// Asks for the PIN when slots of these kinds have one and the master key opened without it, such as by a
/// suspension. Nothing changes when there is nobody to ask. Throws Error{refused} when it is not the PIN of a
/// slot that would open now: slots made with a mistyped one would lock its owner out.
void ask_for_pin(const SlotContext& context, OpenMaster& master, const std::vector<Policy>& kinds);

/// The present state as far as these policies ask for it, and the clock.
[[nodiscard]] SystemState state_for(const SlotContext& context, Tpm& tpm,
                                    const std::vector<Policy>& policies);

struct ResealRequest {
    BoundPolicy bound;
    const SecretBytes* new_pin = nullptr; ///< with a policy that has one
    std::string note{};
};

struct Resealed {
    unsigned slot = 0;
    bool is_new = false; ///< false: there was a slot of this very policy, and it is good
    SlotProof proof = SlotProof::unsealed;
};

/// Adds a slot. Throws Error; nothing was written then.
Resealed reseal(const SlotContext& context, OpenMaster& master, const ResealRequest& request);

/// Drops all slots but these. Returns those dropped. Throws Error.
std::vector<unsigned> keep_only(const SlotContext& context, OpenMaster& master,
                                const std::vector<unsigned>& slots);

struct PruneRequest {
    std::vector<unsigned> slots; ///< these; or, when empty, what matches neither now nor a future state
    std::vector<std::map<PcrBank, PcrValues>> future; ///< what some PCRs will hold
    bool keep_none_open = false;                      ///< even when no slot that is left opens now
};

/// Removes slots and returns which; requires the master key, since what is left is proved again. Slots of
/// files (signed, pcrlock) and those without PCRs go only by number, or when their boots are over. Throws
/// Error{refused} rather than leave no slot that opens now.
std::vector<unsigned> prune(const SlotContext& context, const std::string& master,
                            const PruneRequest& request);

/// Do the policy's literal PCRs have these values, as far as they are given?
[[nodiscard]] bool literals_match(const Policy& policy, const std::map<PcrBank, PcrValues>& values);

/// The numbers of the slots, for messages: "2, 3".
[[nodiscard]] std::string to_string(const std::vector<unsigned>& slots);

} // namespace sealmount
