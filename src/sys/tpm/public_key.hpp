// Public keys that sign policies: from PEM, and the name that a TPM knows them by.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "sys/crypto/crypto.hpp"
#include "sys/tpm/tpm.hpp"

#include <array>
#include <string_view>

namespace sealmount {

/// The SubjectPublicKeyInfo (RFC 5280, 4.1) in DER of the first public key in PEM text ("BEGIN PUBLIC KEY",
/// as systemd's tpm2-pcr-public-key.pem has it). Throws Error{config} when there is none, or none that
/// check_policy_key() takes.
[[nodiscard]] Bytes public_key_from_pem(std::string_view text);

/// Throws Error{config} with the reason unless this is an RSA key of 2048, 3072 or 4096 bits, or an ECC key
/// on P-256: what TPMs have (TCG PC Client Platform TPM Profile, 4.7), and what is strong enough.
void check_policy_key(BytesView der_spki);

/// Whether it is an RSA key, the only kind that systemd's tools sign with. Throws as check_policy_key() does.
[[nodiscard]] bool is_rsa(BytesView der_spki);

/// What names the key in signature files: SHA-256 of the key without its SubjectPublicKeyInfo around it, for
/// RSA the RSAPublicKey of RFC 8017, A.1.1, in DER (systemd: src/shared/openssl-util.c, pubkey_fingerprint;
/// seen in what systemd-measure 252 writes). Throws as check_policy_key() does.
[[nodiscard]] std::array<std::byte, 32> fingerprint(BytesView der_spki);

/// Is `signature` one over SHA-256 of `data` by this key: RSA PKCS #1 v1.5, or ECDSA in DER? False for any
/// other bytes. Throws Error{config} as check_policy_key() does.
[[nodiscard]] bool verifies(BytesView der_spki, BytesView data, BytesView signature);

/// The name that a TPM gives to the key in the form that systemd loads it in
/// (src/shared/tpm2-util.c, tpm2_tpm2b_public_from_openssl_pkey), so that objects sealed to either's
/// PolicyAuthorize are the same: nameAlg SHA-256; decrypt, sign and userWithAuth; no scheme; RSA with its
/// exponent written out. Needs no TPM. Throws Error{config} as check_policy_key() does.
[[nodiscard]] TpmName key_name(BytesView der_spki);

} // namespace sealmount
