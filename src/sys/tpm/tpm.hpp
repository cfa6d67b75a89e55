// Tpm: what the project asks of a TPM 2.0, in its own terms. One real form (esys_tpm.hpp), one fake in tests.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "base/refusal.hpp"
#include "base/secret_bytes.hpp"
#include "sys/tpm/pcr.hpp"
#include "sys/tpm/policy_step.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace sealmount {

/// Where the storage root key lives (TCG TPM v2.0 Provisioning Guidance, 7.8).
inline constexpr std::uint32_t srk_handle = 0x81000001;

/// The longest PIN of a sealed object in bytes: what the kernel's trusted keys can pass on
/// (security/keys/trusted-keys/trusted_tpm1.c, blobauth=).
inline constexpr std::size_t longest_pin = 20;

/// A TPM name: two bytes of hash algorithm and the digest of the public area (TPM 2.0 Part 1, 16). Those of
/// keys are computed here, from the public area that a session is salted with; what the TPM says about names
/// is not authenticated, and is not used.
using TpmName = std::vector<std::byte>;

/// A sealed object outside the TPM. Both areas are whole TPM2B structures, size field included, big endian,
/// as the TPM sends them and the kernel's trusted key takes them (security/keys/trusted-keys/trusted_tpm2.c).
struct SealedObject {
    std::uint32_t parent = srk_handle;
    std::vector<std::byte> public_area;  ///< TPM2B_PUBLIC
    std::vector<std::byte> private_area; ///< TPM2B_PRIVATE

    bool operator==(const SealedObject&) const = default;
};

/// The dictionary-attack state (TPM2_GetCapability, TPM_PT_LOCKOUT_* and TPM_PT_PERMANENT). noDA objects, as
/// ours are, open all the same.
struct LockoutState {
    bool locked = false; ///< at this moment
    std::uint32_t failed_tries = 0;
    std::uint32_t allowed_tries = 0;
    std::uint32_t recovery_seconds =
        0; ///< seconds until one failed try is forgiven; 0: only a command ends it
};

/// What is in the TPM's volatile memory, as this connection sees it: on the raw device that is what others
/// left there, since the kernel's resource manager takes its own out after every command.
struct TpmRoom {
    std::uint32_t objects = 0;         ///< transient objects
    std::uint32_t loaded_sessions = 0; ///< sessions in memory
};

/// The TPM's clock, as far as policies use it (TPM2_ReadClock; TPM 2.0 Part 2, 10.11).
struct TpmClock {
    std::chrono::milliseconds time{0}; ///< since the TPM was switched on
    std::uint32_t reset_count = 0;     ///< grows with each boot
    std::uint32_t restart_count = 0;   ///< grows with each resume from suspend, starts at 0 with each boot
};

/// A policy session that is live in the TPM. Flushed on destruction; a session that the TPM has flushed
/// itself (the kernel's unseal does that from 6.10 on) is not an error. Must not outlive the Tpm that made
/// it.
class PolicySession {
  public:
    virtual ~PolicySession() = default;

    /// The physical handle: what `policyhandle=` of a trusted key takes.
    [[nodiscard]] virtual std::uint32_t handle() const = 0;
};

/// A connection to a TPM. Nothing that it loads outlives the call that loaded it, save a PolicySession.
/// Unless a Refusal says otherwise, failures throw Error{unavailable}.
class Tpm {
  public:
    Tpm() = default;
    Tpm(const Tpm&) = delete;
    Tpm& operator=(const Tpm&) = delete;
    virtual ~Tpm() = default;

    /// The present values of the PCRs of the selection (TPM2_PCR_Read; one command for up to eight). None
    /// when the TPM does not keep the bank.
    [[nodiscard]] virtual PcrReading read_pcrs(PcrSelection selection) = 0;

    /// The name of the key at `srk_handle`, whatever key that is, or srk_missing.
    [[nodiscard]] virtual std::expected<TpmName, Refusal> srk_name() = 0;

    /// The same of a key that we could seal under. Throws Error{unavailable} when it is not a storage key of
    /// that kind: not restricted and decrypting, not fixed to this TPM, only usable under a policy (no
    /// userWithAuth), or subject to dictionary-attack lockout.
    [[nodiscard]] virtual std::expected<TpmName, Refusal> usable_srk_name() = 0;

    /// Makes the ECC P-256 storage root key from the TCG template that systemd uses as well, makes it
    /// persistent at `srk_handle` and returns its name. Throws Error{refused} when the owner hierarchy has a
    /// password.
    [[nodiscard]] virtual TpmName make_srk() = 0;

    /// Has this connection do without a key at `srk_handle`, where there is none: it makes the one of
    /// make_srk() again when it requires it, and keeps nothing in the TPM. The same template gives the same
    /// key as long as the TPM is not cleared. True when its name is `pinned`; false, and nothing has changed,
    /// when it is another one, or when the owner hierarchy has a password or is disabled.
    [[nodiscard]] virtual bool use_primary(const TpmName& pinned) = 0;

    /// Is the storage hierarchy enabled (TPM_PT_STARTUP_CLEAR, shEnable)? Else the TPM shows no key of it.
    [[nodiscard]] virtual bool has_storage() = 0;

    [[nodiscard]] virtual TpmClock clock() = 0;

    /// The name of an NV index, with its attribute "written" as it is. Throws Error{unavailable} when it
    /// does not exist.
    [[nodiscard]] virtual TpmName nv_name(std::uint32_t index) = 0;

    /// TPM2_Create of a KEYEDHASH object under the SRK that holds `secret` and opens only to `policy`;
    /// attributes fixedTPM, fixedParent, adminWithPolicy, noDA. With a PIN, which becomes its authorization
    /// value (at most longest_pin bytes), it is subject to dictionary-attack protection. The secrets cross
    /// the bus encrypted, in a session salted with the SRK, whose name must be `srk`: a session that somebody
    /// between us and the TPM could read is never started. srk_missing, srk_changed, srk_locked, tpm_full or
    /// tpm_lockout as refusals.
    [[nodiscard]] virtual std::expected<SealedObject, Refusal> seal(const TpmName& srk,
                                                                    const SecretBytes& secret,
                                                                    const PolicyDigest& policy,
                                                                    const SecretBytes* pin = nullptr) = 0;

    /// Loads and unseals in userspace through a policy session that is led through `steps`; the answer
    /// crosses the bus encrypted, under the SRK of this name as with seal(). `pin` goes with a PasswordStep.
    /// policy_mismatch, pcr_changed, pin_wrong, object_rejected, srk_missing, srk_changed, srk_locked,
    /// tpm_full or tpm_lockout as refusals.
    [[nodiscard]] virtual std::expected<SecretBytes, Refusal> unseal(const TpmName& srk,
                                                                     const SealedObject& object,
                                                                     const PolicySteps& steps,
                                                                     const SecretBytes* pin = nullptr) = 0;

    /// The same for an object without a policy, which requires only the empty authorization value: what the
    /// kernel makes for a trusted key without options. Its parent is whatever persistent key it names,
    /// srk_missing when that is not there; srk_changed when there is a `pinned` name and it has another;
    /// policy_mismatch when it requires more after all.
    [[nodiscard]] virtual std::expected<SecretBytes, Refusal>
    unseal_without_policy(const SealedObject& object, const TpmName* pinned = nullptr) = 0;

    /// A session that was led through `steps`, unsalted and unbound, hash SHA-256: the only kind that the
    /// kernel's trusted keys can use. Meaningful on the raw device only. tpm_full, policy_mismatch or
    /// pcr_changed as refusals.
    [[nodiscard]] virtual std::expected<std::unique_ptr<PolicySession>, Refusal>
    start_policy_session(const PolicySteps& steps) = 0;

    [[nodiscard]] virtual LockoutState lockout() = 0;

    [[nodiscard]] virtual TpmRoom room() = 0;

    /// Flushes the transient objects and loaded sessions that others left in the TPM, and says how many. For
    /// the raw device only: whoever holds it is alone there, and the resource manager keeps nothing of its
    /// users in the TPM between two commands (drivers/char/tpm/tpm2-space.c), so nobody can be using them.
    virtual unsigned drop_leftovers() = 0;
};

/// Which of the two ways to the chip. `raw` (/dev/tpm0) is exclusive and needed for sessions that the kernel
/// is to use; `managed` (/dev/tpmrm0) may be shared.
enum class TpmAccess { raw, managed };

/// Opens TPMs: the seam that callers get instead of a device path.
class TpmOpener {
  public:
    virtual ~TpmOpener() = default;

    /// no_tpm or tpm_busy as refusals. Sends no TPM command, and does not wait.
    [[nodiscard]] virtual std::expected<std::unique_ptr<Tpm>, Refusal> open(TpmAccess access) = 0;

    /// Does the firmware say that this machine has a TPM 2.0 (ACPI table TPM2, or a node of the device tree)?
    /// Only then is a missing device worth waiting for.
    [[nodiscard]] virtual bool is_announced() = 0;

    /// Waits until both device nodes are there; false when they are not after `limit`.
    [[nodiscard]] virtual bool wait_for_device(std::chrono::milliseconds limit) = 0;

    /// Must the TPM have room before the kernel itself uses it? Kernels that encrypt their own TPM traffic
    /// (CONFIG_TCG_TPM2_HMAC) keep a context outside the TPM, and when it does not fit in again they disable
    /// the TPM until the next boot (drivers/char/tpm/tpm2-sessions.c, tpm2_load_null).
    [[nodiscard]] virtual bool kernel_needs_room() = 0;

    /// Who has the raw device open, as "NAME (pid N)"; empty when that cannot be seen.
    [[nodiscard]] virtual std::vector<std::string> holders() = 0;
};

} // namespace sealmount
