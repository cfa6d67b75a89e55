// TPMKey: the standard DER form of a sealed object (OID 2.23.133.10.1.5), which the kernel's trusted keys
// take in hex.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "sys/tpm/tpm.hpp"

#include <cstddef>
#include <span>
#include <vector>

namespace sealmount {

/// TPMKey ::= SEQUENCE { type OID, emptyAuth [0] EXPLICIT BOOLEAN, parent INTEGER, pubkey OCTET STRING,
/// privkey OCTET STRING }, with the whole TPM2B in each octet string
/// (security/keys/trusted-keys/tpm2key.asn1; the kernel's documentation, which leaves the size prefix out, is
/// wrong). Never with further elements: the kernel would not read it. Throws Error{internal} when the result
/// exceeds the kernel's MAX_BLOB_SIZE of 512 bytes.
[[nodiscard]] std::vector<std::byte> write_tpm_key(const SealedObject& object);

/// Accepts what the kernel accepts of that form, and nothing behind its end. Throws Error{bad_data} with what
/// is wrong: not DER, another OID (an importable or loadable key), a TPM2B whose size field is not its
/// length.
[[nodiscard]] SealedObject read_tpm_key(std::span<const std::byte> der);

} // namespace sealmount
