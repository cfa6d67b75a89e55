// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/tpm/public_key.hpp"

#include "base/error.hpp"
#include "sys/crypto/openssl.hpp"
#include "sys/tpm/public_area.hpp"

#include <openssl/pem.h>
#include <openssl/x509.h>

#include <limits>

namespace sealmount {

namespace {

OpensslPtr<BIO> memory_of(const std::string_view text) {
    if (text.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) {
        throw Error{Reason::config, "is too long for a key"};
    }
    return OpensslPtr<BIO>{::BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))};
}

OpensslPtr<EVP_PKEY> key_of(const BytesView der_spki) {
    const auto* at = reinterpret_cast<const unsigned char*>(der_spki.data());
    return OpensslPtr<EVP_PKEY>{::d2i_PUBKEY(nullptr, &at, static_cast<long>(der_spki.size()))};
}

} // namespace

Bytes public_key_from_pem(const std::string_view text) {
    const auto memory = memory_of(text);
    const OpensslPtr<EVP_PKEY> key{::PEM_read_bio_PUBKEY(memory.get(), nullptr, nullptr, nullptr)};
    if (!key) {
        static_cast<void>(take_openssl_errors());
        throw Error{Reason::config, "does not hold a public key in PEM form (\"BEGIN PUBLIC KEY\")"};
    }
    unsigned char* made = nullptr;
    const int size = ::i2d_PUBKEY(key.get(), &made);
    if (size <= 0) {
        throw Error{Reason::config, "the public key cannot be written as DER" + take_openssl_errors()};
    }
    const auto bytes = std::as_bytes(std::span{made, static_cast<std::size_t>(size)});
    Bytes der{bytes.begin(), bytes.end()};
    ::OPENSSL_free(made);
    check_policy_key(der);
    return der;
}

void check_policy_key(const BytesView der_spki) {
    static_cast<void>(public_area_of(der_spki));
}

bool is_rsa(const BytesView der_spki) {
    return public_area_of(der_spki).publicArea.type == TPM2_ALG_RSA;
}

std::array<std::byte, 32> fingerprint(const BytesView der_spki) {
    check_policy_key(der_spki);
    const auto key = key_of(der_spki);
    unsigned char* made = nullptr;
    const int size = ::i2d_PublicKey(key.get(), &made);
    if (size <= 0) {
        throw Error{Reason::internal, "cannot write a public key as DER" + take_openssl_errors()};
    }
    const auto digest = sha256({std::as_bytes(std::span{made, static_cast<std::size_t>(size)})});
    ::OPENSSL_free(made);
    return digest;
}

bool verifies(const BytesView der_spki, const BytesView data, const BytesView signature) {
    check_policy_key(der_spki);
    const auto key = key_of(der_spki);
    const OpensslPtr<EVP_MD_CTX> context{::EVP_MD_CTX_new()};
    if (!key || !context ||
        ::EVP_DigestVerifyInit(context.get(), nullptr, ::EVP_sha256(), nullptr, key.get()) != 1) {
        throw Error{Reason::internal, "cannot verify a signature" + take_openssl_errors()};
    }
    const bool result =
        ::EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature.data()),
                           signature.size(), reinterpret_cast<const unsigned char*>(data.data()),
                           data.size()) == 1;
    static_cast<void>(take_openssl_errors());
    return result;
}

TpmName key_name(const BytesView der_spki) {
    return name_of(public_area_of(der_spki).publicArea);
}

} // namespace sealmount
