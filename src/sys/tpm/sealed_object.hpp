// Sealed objects between the TPM's structures and our bytes.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "sys/tpm/tpm.hpp"

#include <tss2/tss2_tpm2_types.h>

#include <optional>

namespace sealmount {

/// What TPM2_Create gets: a KEYEDHASH object, fixedTPM, fixedParent and noDA, that only `policy` opens.
/// Without userWithAuth, which would let an empty password bypass the policy; with noDA, because otherwise
/// power cuts alone lock a TPM; but not where there is a PIN to guess. With adminWithPolicy, because
/// otherwise TPM2_ObjectChangeAuth says in any state of the machine whether a PIN is right (TPM 2.0 Part
/// 3, 12.8).
[[nodiscard]] TPM2B_PUBLIC sealed_template(const PolicyDigest& policy, bool has_pin) noexcept;

/// Is the public area that came back the one that was asked for?
[[nodiscard]] bool same_demands(const TPMT_PUBLIC& made, const TPMT_PUBLIC& asked) noexcept;

/// Both areas marshalled, size fields included. Throws Error{unavailable}.
[[nodiscard]] SealedObject to_object(const TPM2B_PUBLIC& public_area, const TPM2B_PRIVATE& private_area);

struct SealedAreas {
    TPM2B_PUBLIC public_area;
    TPM2B_PRIVATE private_area;
};

/// Nothing when the bytes are not such structures, or continue behind them.
[[nodiscard]] std::optional<SealedAreas> from_object(const SealedObject& object);

} // namespace sealmount
