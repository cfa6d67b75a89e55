// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/tpm/public_area.hpp"

#include "base/error.hpp"
#include "base/format.hpp"
#include "sys/crypto/openssl.hpp"
#include "sys/tpm/esys_context.hpp"

#include <openssl/core_names.h>
#include <openssl/x509.h>
#include <tss2/tss2_mu.h>

#include <algorithm>

namespace sealmount {

namespace {

constexpr std::size_t p256_size = 32;
constexpr unsigned bits_per_byte = 8;

[[noreturn]] void fail(const std::string& why) {
    static_cast<void>(take_openssl_errors());
    throw Error{Reason::config, "the public key " + why};
}

OpensslPtr<BIGNUM> number_of(const EVP_PKEY* const key, const char* const parameter) {
    BIGNUM* number = nullptr;
    if (::EVP_PKEY_get_bn_param(key, parameter, &number) != 1) {
        fail(formatted("lacks the parameter {}", parameter));
    }
    return OpensslPtr<BIGNUM>{number};
}

/// Exactly `size` bytes, big endian, into a TPM2B. False when the number is longer.
template<typename Tpm2b>
bool put_number(Tpm2b& field, const BIGNUM* const number, const std::size_t size) {
    field.size = static_cast<UINT16>(size);
    return size <= sizeof field.buffer &&
           ::BN_bn2binpad(number, field.buffer, static_cast<int>(size)) == static_cast<int>(size);
}

void put_rsa(TPMT_PUBLIC& area, const EVP_PKEY* const key) {
    const int bits = ::EVP_PKEY_get_bits(key);
    if (bits != 2048 && bits != 3072 && bits != 4096) {
        fail(formatted("is RSA of {} bits: a TPM takes 2048, 3072 or 4096", bits));
    }
    const auto exponent = number_of(key, OSSL_PKEY_PARAM_RSA_E);
    constexpr int most_exponent_bits = 32;
    if (::BN_num_bits(exponent.get()) > most_exponent_bits) {
        fail("has an RSA exponent of more than 32 bits, which no TPM takes");
    }
    area.type = TPM2_ALG_RSA;
    auto& rsa = area.parameters.rsaDetail;
    rsa.symmetric.algorithm = TPM2_ALG_NULL;
    rsa.scheme.scheme = TPM2_ALG_NULL;
    rsa.keyBits = static_cast<TPMI_RSA_KEY_BITS>(bits);
    rsa.exponent = static_cast<UINT32>(::BN_get_word(exponent.get()));
    const auto modulus = number_of(key, OSSL_PKEY_PARAM_RSA_N);
    if (!put_number(area.unique.rsa, modulus.get(), static_cast<std::size_t>(bits) / bits_per_byte)) {
        fail("has an RSA modulus that is longer than its size says");
    }
}

void put_ecc(TPMT_PUBLIC& area, const EVP_PKEY* const key) {
    std::array<char, 64> group{};
    std::size_t length = 0;
    if (::EVP_PKEY_get_group_name(key, group.data(), group.size(), &length) != 1 ||
        std::string_view{group.data(), length} != SN_X9_62_prime256v1) {
        fail("is ECC on another curve than P-256 (prime256v1)");
    }
    area.type = TPM2_ALG_ECC;
    auto& ecc = area.parameters.eccDetail;
    ecc.symmetric.algorithm = TPM2_ALG_NULL;
    ecc.scheme.scheme = TPM2_ALG_NULL;
    ecc.curveID = TPM2_ECC_NIST_P256;
    ecc.kdf.scheme = TPM2_ALG_NULL;
    const auto x = number_of(key, OSSL_PKEY_PARAM_EC_PUB_X);
    const auto y = number_of(key, OSSL_PKEY_PARAM_EC_PUB_Y);
    if (!put_number(area.unique.ecc.x, x.get(), p256_size) ||
        !put_number(area.unique.ecc.y, y.get(), p256_size)) {
        fail("is not a point of P-256");
    }
}

} // namespace

TPM2B_PUBLIC public_area_of(const BytesView der_spki) {
    const auto* const begin = reinterpret_cast<const unsigned char*>(der_spki.data());
    const unsigned char* at = begin;
    const OpensslPtr<EVP_PKEY> key{::d2i_PUBKEY(nullptr, &at, static_cast<long>(der_spki.size()))};
    if (!key || at != begin + der_spki.size()) {
        fail("is not a SubjectPublicKeyInfo in DER");
    }
    TPM2B_PUBLIC result = {};
    auto& area = result.publicArea;
    area.nameAlg = TPM2_ALG_SHA256;
    area.objectAttributes = TPMA_OBJECT_DECRYPT | TPMA_OBJECT_SIGN_ENCRYPT | TPMA_OBJECT_USERWITHAUTH;
    switch (::EVP_PKEY_get_base_id(key.get())) {
    case EVP_PKEY_RSA:
        put_rsa(area, key.get());
        break;
    case EVP_PKEY_EC:
        put_ecc(area, key.get());
        break;
    default:
        fail("is neither RSA nor ECC on P-256");
    }
    return result;
}

TpmName name_of(const TPMT_PUBLIC& area) {
    std::array<std::uint8_t, sizeof(TPMT_PUBLIC)> marshalled{};
    std::size_t size = 0;
    if (const auto rc = ::Tss2_MU_TPMT_PUBLIC_Marshal(&area, marshalled.data(), marshalled.size(), &size);
        rc != TSS2_RC_SUCCESS) {
        throw Error{Reason::internal, formatted("cannot marshal a public area: {}", text_of(rc))};
    }
    TpmName name = {std::byte{0x00}, std::byte{0x0b}}; // TPM_ALG_SHA256
    const auto digest = sha256({std::as_bytes(std::span{marshalled.data(), size})});
    name.insert(name.end(), digest.begin(), digest.end());
    return name;
}

std::optional<TPMT_SIGNATURE> signature_by(const TPMT_PUBLIC& key, const BytesView signature) {
    TPMT_SIGNATURE result = {};
    const auto* const begin = reinterpret_cast<const unsigned char*>(signature.data());
    if (key.type == TPM2_ALG_RSA) {
        auto& rsa = result.signature.rsassa;
        if (signature.size() != key.unique.rsa.size) {
            return std::nullopt;
        }
        result.sigAlg = TPM2_ALG_RSASSA;
        rsa.hash = TPM2_ALG_SHA256;
        rsa.sig.size = key.unique.rsa.size;
        std::copy_n(begin, signature.size(), rsa.sig.buffer);
        return result;
    }
    const unsigned char* at = begin;
    const OpensslPtr<ECDSA_SIG> pair{::d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(signature.size()))};
    auto& ecdsa = result.signature.ecdsa;
    result.sigAlg = TPM2_ALG_ECDSA;
    ecdsa.hash = TPM2_ALG_SHA256;
    if (!pair || at != begin + signature.size() ||
        !put_number(ecdsa.signatureR, ::ECDSA_SIG_get0_r(pair.get()), p256_size) ||
        !put_number(ecdsa.signatureS, ::ECDSA_SIG_get0_s(pair.get()), p256_size)) {
        static_cast<void>(take_openssl_errors());
        return std::nullopt;
    }
    return result;
}

} // namespace sealmount
