// How each TPM command changes the digest of a policy session: what to seal to, without a TPM.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "sys/tpm/pcr.hpp"
#include "sys/tpm/policy_step.hpp"
#include "sys/tpm/tpm.hpp"

#include <span>

namespace sealmount {

/// The digest of a session that has just begun: 32 zero bytes (TPM 2.0 Part 1, 19.7.1). All sessions here
/// have the hash SHA-256.
[[nodiscard]] PolicyDigest fresh_policy() noexcept;

/// After TPM2_PolicyPCR (TPM 2.0 Part 3, 23.7) while the PCRs of `selection` hold what `values` says; further
/// values are ignored. The session's hash is computed over the values, whatever the bank. Throws
/// Error{internal} when a PCR of the selection has no value.
[[nodiscard]] PolicyDigest after_pcr(const PolicyDigest& policy, PcrSelection selection,
                                     const PcrValues& values);

/// After TPM2_PolicyOR (23.6); whatever came before is replaced. The order of the branches counts. Throws
/// Error{internal} unless there are two to eight of them, as many as a TPM takes.
[[nodiscard]] PolicyDigest after_or(std::span<const PolicyDigest> branches);

/// After TPM2_PolicyAuthorize (23.16) by this key, with an empty policyRef; whatever came before is replaced.
[[nodiscard]] PolicyDigest after_authorize(const TpmName& key_name);

/// After TPM2_PolicyAuthorizeNV (23.22) over this index; whatever came before is replaced. The name is that
/// of the written index: TPMA_NV_WRITTEN is part of it.
[[nodiscard]] PolicyDigest after_authorize_nv(const TpmName& nv_name);

/// After TPM2_PolicyCounterTimer (23.10).
[[nodiscard]] PolicyDigest after_counter(const PolicyDigest& policy, const CounterStep& step);

/// After TPM2_PolicyPassword (23.18), which leaves the digest of TPM2_PolicyAuthValue.
[[nodiscard]] PolicyDigest after_password(const PolicyDigest& policy);

} // namespace sealmount
