// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/crypto/certificate.hpp"

#include "sys/crypto/openssl.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs7.h>
#include <openssl/x509.h>

#include <limits>
#include <memory>

namespace sealmount {

namespace {

OpensslPtr<X509> from_der(const BytesView der) {
    if (der.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) {
        return nullptr;
    }
    const auto* at = reinterpret_cast<const unsigned char*>(der.data());
    OpensslPtr<X509> certificate{::d2i_X509(nullptr, &at, static_cast<long>(der.size()))};
    ::ERR_clear_error();
    return certificate;
}

std::optional<Bytes> to_der(const X509* const certificate) {
    unsigned char* der = nullptr;
    const int size = ::i2d_X509(certificate, &der);
    if (size <= 0) {
        ::ERR_clear_error();
        return std::nullopt;
    }
    const auto* const begin = reinterpret_cast<const std::byte*>(der);
    Bytes result(begin, begin + size);
    ::OPENSSL_free(der);
    return result;
}

} // namespace

std::optional<std::string> certificate_subject(const BytesView der) {
    const OpensslPtr<X509> certificate = from_der(der);
    const OpensslPtr<BIO> text{::BIO_new(::BIO_s_mem())};
    if (!certificate || !text ||
        ::X509_NAME_print_ex(text.get(), ::X509_get_subject_name(certificate.get()), 0,
                             XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) < 0) {
        ::ERR_clear_error();
        return std::nullopt;
    }
    char* data = nullptr;
    const long size = BIO_get_mem_data(text.get(), &data);
    return size > 0 ? std::string(data, static_cast<std::size_t>(size)) : std::string{};
}

std::optional<Bytes> certificate_der(const BytesView file) {
    OpensslPtr<X509> certificate = from_der(file);
    if (!certificate && file.size() < static_cast<std::size_t>(std::numeric_limits<int>::max())) {
        const OpensslPtr<BIO> bio{::BIO_new_mem_buf(file.data(), static_cast<int>(file.size()))};
        certificate.reset(bio ? ::PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr) : nullptr);
        ::ERR_clear_error();
    }
    if (!certificate) {
        return std::nullopt;
    }
    return to_der(certificate.get());
}

bool is_issued_by(const BytesView der, const BytesView issuer) {
    const OpensslPtr<X509> certificate = from_der(der);
    const OpensslPtr<X509> authority = from_der(issuer);
    const bool is_signed = certificate && authority &&
                           ::X509_verify(certificate.get(), ::X509_get0_pubkey(authority.get())) == 1;
    ::ERR_clear_error();
    return is_signed;
}

std::vector<Bytes> pkcs7_certificates(const BytesView der) {
    std::vector<Bytes> found;
    const auto* at = reinterpret_cast<const unsigned char*>(der.data());
    const bool fits = der.size() <= static_cast<std::size_t>(std::numeric_limits<int>::max());
    const OpensslPtr<PKCS7> signature{fits ? ::d2i_PKCS7(nullptr, &at, static_cast<long>(der.size()))
                                           : nullptr};
    ::ERR_clear_error();
    if (!signature || !PKCS7_type_is_signed(signature.get()) || signature->d.sign == nullptr) {
        return found;
    }
    const STACK_OF(X509)* const certificates = signature->d.sign->cert;
    for (int n = 0; n < sk_X509_num(certificates); ++n) {
        if (auto certificate = to_der(sk_X509_value(certificates, n))) {
            found.push_back(std::move(*certificate));
        }
    }
    return found;
}

} // namespace sealmount
