// X.509 certificates, as far as Secure Boot's databases need them, over OpenSSL.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "sys/crypto/crypto.hpp"

#include <optional>
#include <string>
#include <vector>

namespace sealmount {

/// The subject's distinguished name (RFC 4514, control characters escaped), or nothing when `der` is not
/// a certificate.
[[nodiscard]] std::optional<std::string> certificate_subject(BytesView der);

/// The DER form of a certificate in a DER or PEM file; nothing when the file holds none.
[[nodiscard]] std::optional<Bytes> certificate_der(BytesView file);

/// Has the key of `issuer` signed this certificate? Both in DER form; no for what is none.
[[nodiscard]] bool is_issued_by(BytesView der, BytesView issuer);

/// The certificates in a PKCS #7 signature (RFC 2315), in DER form; empty when it is not one. Nothing
/// is verified.
[[nodiscard]] std::vector<Bytes> pkcs7_certificates(BytesView der);

} // namespace sealmount
