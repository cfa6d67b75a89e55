// Leading a policy session through its steps, with ESYS.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "sys/tpm/esys_context.hpp"
#include "sys/tpm/policy_step.hpp"
#include "sys/tpm/tpm.hpp"

#include <cstdint>
#include <expected>

namespace sealmount {

/// Leads `session` (a policy or trial session, salted or not) through the steps in their order. Whatever a
/// step loads is flushed before this returns or throws. Refusals: policy_mismatch, with a detail that says
/// which step the present state does not satisfy, or that a signature does not verify; pcr_changed, tpm_full,
/// tpm_lockout. Throws Error{unavailable} for any other answer of the TPM, Error{config} for a public key
/// that no TPM takes.
///
/// Behind a password step, ESYS (seen with 3.2.1) does not decrypt the responses of an encrypting session:
/// lead a plain session, and give the command that it authorizes a second, salted one for the encryption.
///
/// Commands per step: PCR, OR, counter and password 1; authorize 4 (LoadExternal, VerifySignature,
/// PolicyAuthorize, FlushContext); authorize-NV 2 (NV_ReadPublic, PolicyAuthorizeNV).
[[nodiscard]] std::expected<void, Refusal> follow(EsysContext& context, const EsysHandle& session,
                                                  const PolicySteps& steps);

/// The present name of an NV index (TPM2_NV_ReadPublic), or policy_mismatch when there is no such index.
[[nodiscard]] std::expected<TpmName, Refusal> nv_name(EsysContext& context, std::uint32_t index);

} // namespace sealmount
