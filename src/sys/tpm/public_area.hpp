// Public keys and signatures as the TPM's structures.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "sys/crypto/crypto.hpp"
#include "sys/tpm/tpm.hpp"

#include <tss2/tss2_tpm2_types.h>

#include <optional>

namespace sealmount {

/// The public area for TPM2_LoadExternal, in the form of key_name(). Throws Error{config} unless it is a key
/// that check_policy_key() takes.
[[nodiscard]] TPM2B_PUBLIC public_area_of(BytesView der_spki);

/// The name of an object with nameAlg SHA-256 (TPM 2.0 Part 1, 16). Throws Error{internal} when the area
/// cannot be marshalled.
[[nodiscard]] TpmName name_of(const TPMT_PUBLIC& area);

/// The signature for TPM2_VerifySignature: RSASSA with SHA-256 from the number, or ECDSA with SHA-256 from
/// the DER sequence of two numbers. Nothing when the bytes cannot be a signature by a key like this.
[[nodiscard]] std::optional<TPMT_SIGNATURE> signature_by(const TPMT_PUBLIC& key, BytesView signature);

} // namespace sealmount
