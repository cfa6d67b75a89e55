// Getting a master key out of the TPM: which slot fits, what to do when none does.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/master/master_file.hpp"
#include "core/master/master_refusal.hpp"
#include "sys/host/machine.hpp"

#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sealmount {

/// A master key as it is to be released: what its file says, and what else a policy may require.
struct UnsealRequest {
    const MasterFile& file;
    PolicyFileReader files;
    const SecretBytes* pin = nullptr; ///< for slots that have one
    /// Why what a slot released is not the master key of this store, so that the next slot is tried: given
    /// its bytes or, when the kernel has it as "trusted:NAME", nullptr. Empty: whatever it is, it is taken.
    std::function<std::optional<Refusal>(const SecretBytes*)> problem = {};
};

/// How often a busy raw device is opened, and an unseal that a PCR extension interrupted is repeated.
inline constexpr unsigned open_tries = 50;
inline constexpr unsigned unseal_tries = 30;

/// Opens the TPM; a busy one is tried again, and in the end the refusal's detail names who holds it.
[[nodiscard]] std::expected<std::unique_ptr<Tpm>, Refusal> open_tpm(TpmOpener& opener, TpmAccess access,
                                                                    const Backoff& backoff);

/// The same for stories that cannot go on without the resource manager's device. Throws Error{unavailable}.
[[nodiscard]] std::unique_ptr<Tpm> open_managed_tpm(TpmOpener& opener, const Backoff& backoff);

/// A slot that can match, and how.
struct FittingSlot {
    const Slot* slot;
    PolicySteps steps;
};

/// The slots that the present state satisfies, in their order, and why the others do not: files_unusable for
/// one whose object is not sealed to what the file says. Reads each bank once. Slots with a PIN are among the
/// fitting ones, whether there is a PIN at hand or not.
struct SlotChoice {
    std::vector<FittingSlot> fitting;
    std::vector<SlotRefusal> refused;
    SystemState state;
};
[[nodiscard]] SlotChoice choose_slots(Tpm& tpm, const UnsealRequest& request);

/// Is the slot's object sealed to what the slot says of it: only to be used by a policy, which has the digest
/// of the slot's? Without that, nothing that the file says about a slot is believed.
[[nodiscard]] bool is_sealed_to_its_policy(const Slot& slot);

/// Why the key at the SRK's handle cannot have sealed this master key; nothing when it is the pinned one.
/// storage_disabled instead of srk_missing where the TPM hides it.
[[nodiscard]] std::optional<Refusal> problem_with_srk(Tpm& tpm, const MasterFile& master);

/// Makes an SRK that was evicted again, and persistent. Did that work? For verbs that change slots; the
/// unlock by the kernel does it by itself.
bool restore_srk(Tpm& tpm);

/// Loads the master key into the kernel as "trusted:NAME" through the first slot that fits. Returns the
/// slot's number. With one slot of a literal policy which fits, that is PCR_Read, StartAuthSession, PolicyPCR
/// and FlushContext from us, Load, Unseal and FlushContext from the kernel. The TPM's PCR update counter
/// shows whether a refusal by the kernel was a race with a PCR extension; where the TPM may be full, what
/// others left in it is dropped, once. An SRK that was evicted is restored, as the kernel requires it at its
/// handle. `tpm` is the raw device.
[[nodiscard]] std::expected<unsigned, MasterRefusal> load_trusted_master(Tpm& tpm, Keyring& keyring,
                                                                         std::string_view name,
                                                                         const UnsealRequest& request,
                                                                         const Backoff& backoff);

/// Unlinks a master key from the process's keyring however its use ends.
class LoadedMaster {
  public:
    LoadedMaster(Keyring& keyring, std::string name) : keyring_(keyring), name_(std::move(name)) {}
    LoadedMaster(const LoadedMaster&) = delete;
    LoadedMaster& operator=(const LoadedMaster&) = delete;
    ~LoadedMaster();

  private:
    Keyring& keyring_;
    std::string name_;
};

/// A master key in userspace.
struct UnsealedMaster {
    unsigned slot = 0;
    SecretBytes key;
    bool is_srk_evicted = false; ///< nothing was at the SRK's handle, and it was made again for this
};

/// The same as load_trusted_master() in userspace, under the pinned SRK and no other: the master key's bytes.
/// An evicted SRK is not restored: it is used from the TPM's volatile memory, so that nothing changes.
[[nodiscard]] std::expected<UnsealedMaster, MasterRefusal>
unseal_master(Tpm& tpm, const UnsealRequest& request, const Backoff& backoff);

} // namespace sealmount
