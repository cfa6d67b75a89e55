// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "base/refusal.hpp"

#include "base/format.hpp"

namespace sealmount {

const char* identifier(const RefusalKind kind) noexcept {
    switch (kind) {
    case RefusalKind::no_tpm:
        return "no-tpm";
    case RefusalKind::tpm_busy:
        return "tpm-busy";
    case RefusalKind::tpm_failed:
        return "tpm-failed";
    case RefusalKind::tpm_full:
        return "tpm-full";
    case RefusalKind::tpm_lockout:
        return "tpm-lockout";
    case RefusalKind::srk_missing:
        return "srk-missing";
    case RefusalKind::srk_changed:
        return "srk-changed";
    case RefusalKind::srk_locked:
        return "srk-locked";
    case RefusalKind::storage_disabled:
        return "storage-disabled";
    case RefusalKind::policy_mismatch:
        return "policy-mismatch";
    case RefusalKind::pin_needed:
        return "pin-needed";
    case RefusalKind::pin_wrong:
        return "pin-wrong";
    case RefusalKind::pcr_changed:
        return "pcr-changed";
    case RefusalKind::object_rejected:
        return "object-rejected";
    case RefusalKind::unseal_failed:
        return "unseal-failed";
    case RefusalKind::key_type_absent:
        return "key-type-absent";
    case RefusalKind::text_rejected:
        return "text-rejected";
    case RefusalKind::ground_changed:
        return "ground-changed";
    case RefusalKind::lower_in_use:
        return "lower-in-use";
    case RefusalKind::place_unsafe:
        return "place-unsafe";
    case RefusalKind::store_changed:
        return "store-changed";
    case RefusalKind::files_unusable:
        return "files-unusable";
    case RefusalKind::passphrase_wrong:
        return "passphrase-wrong";
    case RefusalKind::prompt_timeout:
        return "prompt-timeout";
    case RefusalKind::prompt_cancelled:
        return "prompt-cancelled";
    case RefusalKind::no_prompt:
        return "no-prompt";
    }
    return "refused";
}

const char* describe(const RefusalKind kind) noexcept {
    switch (kind) {
    case RefusalKind::no_tpm:
        return "this machine has no TPM 2.0";
    case RefusalKind::tpm_busy:
        return "another program holds the TPM";
    case RefusalKind::tpm_failed:
        return "the TPM does not work";
    case RefusalKind::tpm_full:
        return "the TPM has no room for another object or session";
    case RefusalKind::tpm_lockout:
        return "the TPM is locked after too many wrong tries";
    case RefusalKind::srk_missing:
        return "the TPM has no storage root key: it is new, or it was cleared or swapped";
    case RefusalKind::srk_changed:
        return "the TPM has another storage root key than before: it was cleared or swapped, or something "
               "answers in its place";
    case RefusalKind::srk_locked:
        return "the key at the TPM's handle 0x81000001 has an authorization value: another program made it";
    case RefusalKind::storage_disabled:
        return "the TPM's storage hierarchy is disabled, and with it all keys that were made there";
    case RefusalKind::policy_mismatch:
        return "the system is not in a state that the master key was sealed to";
    case RefusalKind::pin_needed:
        return "the master key needs its PIN";
    case RefusalKind::pin_wrong:
        return "that is not the PIN of the master key";
    case RefusalKind::pcr_changed:
        return "a PCR changed while the master key was being unsealed";
    case RefusalKind::object_rejected:
        return "the sealed master key is damaged or was made by another TPM";
    case RefusalKind::unseal_failed:
        return "the kernel could not unseal the master key";
    case RefusalKind::key_type_absent:
        return "this kernel lacks the key type";
    case RefusalKind::text_rejected:
        return "the encrypted key is damaged or was made under another master key";
    case RefusalKind::ground_changed:
        return "the lower directory is not what it was";
    case RefusalKind::lower_in_use:
        return "the lower directory is in use by another mount";
    case RefusalKind::place_unsafe:
        return "a directory of the volume could be replaced by another one";
    case RefusalKind::store_changed:
        return "files of the store were changed by somebody who has not the master key";
    case RefusalKind::files_unusable:
        return "a file of the master key or of the volume's keys is missing or damaged";
    case RefusalKind::passphrase_wrong:
        return "that is not the passphrase of the volume";
    case RefusalKind::prompt_timeout:
        return "nobody answered in time";
    case RefusalKind::prompt_cancelled:
        return "the question was declined";
    case RefusalKind::no_prompt:
        return "there is nobody to ask";
    }
    return "refused";
}

std::string with_detail(const Refusal& refusal) {
    const char* const sentence = describe(refusal.kind);
    return refusal.detail.empty() ? sentence : formatted("{} ({})", sentence, refusal.detail);
}

} // namespace sealmount
