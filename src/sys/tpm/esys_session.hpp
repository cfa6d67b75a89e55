// Sessions, PCR selections and the storage root key in ESYS's terms.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "sys/tpm/esys_context.hpp"
#include "sys/tpm/tpm.hpp"

#include <expected>

namespace sealmount {

/// The selection as TPM2_PCR_Read and TPM2_PolicyPCR take it.
[[nodiscard]] TPML_PCR_SELECTION to_tpm(PcrSelection selection) noexcept;

/// An unsalted, unbound policy session without parameter encryption, SHA-256; or the refusal (tpm_full).
[[nodiscard]] std::expected<EsysHandle, Refusal> start_plain_policy_session(EsysContext& context);

/// A session of the given type, salted with `key` and encrypting the first parameter of the response and,
/// where `commands` is set, of the command (TPM 2.0 Part 1, 21): AES-128-CFB, SHA-256.
[[nodiscard]] std::expected<EsysHandle, Refusal> start_salted_session(EsysContext& context, TPM2_SE type,
                                                                      const EsysHandle& key, bool commands);

/// Does the code say that a key requires another authorization than the empty value? (TPM_RC_BAD_AUTH for
/// keys that are not subject to dictionary-attack protection, TPM_RC_AUTH_FAIL for others,
/// TPM_RC_AUTH_UNAVAILABLE for those that only a policy opens.)
[[nodiscard]] bool demands_authorization(TSS2_RC rc) noexcept;

/// The key at `srk_handle`, as ESYS needs it to salt sessions, or srk_missing or tpm_full.
[[nodiscard]] std::expected<EsysHandle, Refusal> find_srk(EsysContext& context);

/// The same for a key at another persistent handle.
[[nodiscard]] std::expected<EsysHandle, Refusal> find_parent(EsysContext& context, std::uint32_t handle);

/// Throws Error{unavailable} when this is not a storage key that we could use.
void check_srk(const TPMT_PUBLIC& key);

/// The TCG ECC P-256 storage key template, with the choices of systemd (src/shared/tpm2-util.c,
/// tpm2_get_srk_template), so that both make the same key.
[[nodiscard]] TPM2B_PUBLIC srk_template() noexcept;

} // namespace sealmount
