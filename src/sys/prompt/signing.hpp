// Private keys that sign policies: from a PEM file, or from a token through an OpenSSL provider.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "sys/crypto/crypto.hpp"
#include "sys/crypto/openssl.hpp"
#include "sys/prompt/prompt.hpp"

#include <optional>
#include <string>

namespace sealmount {

/// A private key, wherever it is.
class SigningKey {
  public:
    /// `place` is a file in PEM form ("-": standard input) or, where no such file exists and it begins with a
    /// scheme, a URI for ossl_store(7), such as "pkcs11:token=..." with the provider that openssl.cnf loads.
    /// `prompt` is asked, once at most, for a passphrase or PIN. Throws Error: no_input for a missing file,
    /// refused when the passphrase is wrong or nobody can be asked, config for anything that is not a
    /// private key.
    SigningKey(const std::string& place, Prompt& prompt);

    /// SubjectPublicKeyInfo, DER; nothing when the provider does not give it away.
    [[nodiscard]] std::optional<Bytes> public_key() const;

    /// The signature over SHA-256 of `data`: RSA PKCS #1 v1.5, or ECDSA in DER. Throws Error{unavailable}
    /// when the key or its provider refuses.
    [[nodiscard]] Bytes sign(BytesView data) const;

  private:
    OpensslPtr<EVP_PKEY> key_;
};

} // namespace sealmount
