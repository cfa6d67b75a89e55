// Getting a master key out of the TPM: which slot fits, what to do when none does.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/master_file.hpp"
#include "sys/keyring.hpp"
#include "sys/tpm.hpp"

#include <expected>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace sealmount {

/// Why one slot did not release the master key.
struct SlotRefusal {
    unsigned slot = 0;
    RefusalKind kind = RefusalKind::policy_mismatch;
    std::string detail;
    PcrBank bank = PcrBank::sha256;
    std::vector<PcrMismatch> mismatches; ///< with policy_mismatch
};

/// Why no slot of a master key did. `kind` is the one that decides what people should do.
struct MasterRefusal {
    RefusalKind kind = RefusalKind::policy_mismatch;
    std::string detail;
    std::vector<SlotRefusal> slots;
};

/// Called between two tries, with the number of the try that failed (from 1); pauses in the real world.
using Pause = std::function<void(unsigned)>;

/// How often a busy raw device is opened, and an unseal that a PCR extension interrupted is repeated.
inline constexpr unsigned open_tries = 50;
inline constexpr unsigned unseal_tries = 30;

/// Opens the TPM; a busy one is tried again, and in the end the refusal's detail names who holds it.
[[nodiscard]] std::expected<std::unique_ptr<Tpm>, Refusal> open_tpm(TpmOpener& opener, TpmAccess access,
                                                                    const Pause& pause);

/// The slots that the present PCRs satisfy, in their order, and why the others do not. Reads each bank once.
struct SlotChoice {
    std::vector<const Slot*> fitting;
    std::vector<SlotRefusal> refused;
    std::uint32_t pcr_update_counter = 0; ///< before the first comparison: TPM 2.0 Part 3, 22.4
};
[[nodiscard]] SlotChoice choose_slots(Tpm& tpm, const MasterFile& master);

/// Loads the master key into the kernel as "trusted:NAME" through the first slot that fits. Returns the
/// slot's number. With one slot whose policy fits, that is PCR_Read, StartAuthSession, PolicyPCR and
/// FlushContext from us, Load, Unseal and FlushContext from the kernel. Whether a refusal by the kernel was a
/// race with a PCR extension is told by the TPM's PCR update counter; where the TPM may be full, what others
/// left in it is dropped, once. `tpm` is the raw device.
[[nodiscard]] std::expected<unsigned, MasterRefusal> load_trusted_master(Tpm& tpm, Keyring& keyring,
                                                                         std::string_view name,
                                                                         const MasterFile& master,
                                                                         const Pause& pause);

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
};

/// The same as load_trusted_master() in userspace: the master key's bytes.
[[nodiscard]] std::expected<UnsealedMaster, MasterRefusal> unseal_master(Tpm& tpm, const MasterFile& master,
                                                                         const Pause& pause);

} // namespace sealmount
