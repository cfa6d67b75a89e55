// Refusals: answers of the outside world that change what we do next.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include <string>

namespace sealmount {

/// What a TPM, a keyring or a person said no with. Each enumerator documents the right reaction.
enum class RefusalKind {
    no_tpm,      ///< no TPM 2.0 device node: do not wait or retry; ask for the passphrase
    tpm_busy,    ///< somebody else holds the raw device (EBUSY): retry for a bounded time, then ask
    tpm_failed,  ///< the TPM or its driver answers with an error: do not retry; ask for the passphrase
    tpm_full,    ///< no slot for another object or session (TPM_RC_OBJECT_MEMORY, TPM_RC_SESSION_*): others
                 ///< leaked theirs; take away what nobody can be using, try once more; then ask
    tpm_lockout, ///< dictionary-attack lockout (TPM_RC_LOCKOUT): never retry, it costs time; ask
    srk_missing, ///< nothing at the SRK's handle: enrolling makes one; at boot the TPM was cleared: ask
    srk_changed, ///< another key than the pinned one at the SRK's handle: cleared or swapped TPM, or somebody
                 ///< in between: ask
    srk_locked, ///< the key at the SRK's handle has an authorization value (TPM_RC_BAD_AUTH): its owner frees
                ///< the handle; ask
    storage_disabled, ///< the storage hierarchy is disabled (TPMA_STARTUP_CLEAR): firmware or a program; ask
    policy_mismatch,  ///< the PCRs are not those of the policy: do not retry; name them; ask
    pin_needed,       ///< only slots with a PIN fit, and none was given: ask for it
    pin_wrong,   ///< the PIN is not the slot's: ask again, three times in all; each costs a try of the TPM's
    pcr_changed, ///< a PCR was extended during the session (TPM_RC_PCR_CHANGED): retry with a new session
    object_rejected, ///< the TPM cannot load the sealed object: another TPM's or damaged; ask
    unseal_failed,   ///< the kernel reports EPERM, its answer to nearly every TPM error: read PCRs and SRK,
                     ///< decide
    key_type_absent, ///< this kernel has no such key type: another form of the master key, or ask
    text_rejected,   ///< the encrypted key's text is damaged or was made under another master key: ask
    ground_changed,  ///< the lower directory is absent, or another one than was enrolled: load no key, do not
                     ///< ask
    lower_in_use,    ///< somebody else uses the lower directory: load no key, do not ask
    place_unsafe, ///< somebody other than root could put another directory in the place of the mount point or
                  ///< the lower directory: load no key, do not ask
    store_changed,    ///< the store is not what was written with the master key: believe nothing of it; ask
    files_unusable,   ///< the master file or a key file is missing or damaged: ask; it must be restored
    passphrase_wrong, ///< what was typed does not make the volume's key: ask again, three times in all
    prompt_timeout,   ///< nobody answered in time: give up
    prompt_cancelled, ///< the person declined: give up
    no_prompt,        ///< there is no way to ask (no agent, no terminal): give up
};

/// A refusal and, for logs, what whoever refused said about it ("" when the kind says it all).
struct Refusal {
    RefusalKind kind;
    std::string detail;
};

/// The kind as one word for programs, e.g. "policy-mismatch": stable.
[[nodiscard]] const char* identifier(RefusalKind kind) noexcept;

/// The kind as a sentence without a full stop, for people.
[[nodiscard]] const char* describe(RefusalKind kind) noexcept;

/// That sentence, with the detail in parentheses behind it.
[[nodiscard]] std::string with_detail(const Refusal& refusal);

} // namespace sealmount
