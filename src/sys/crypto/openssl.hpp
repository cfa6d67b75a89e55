// Owners of what OpenSSL hands out, and its error queue as text.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/pkcs7.h>
#include <openssl/x509.h>

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace sealmount {

struct OpensslDelete {
    void operator()(BIGNUM* const number) const noexcept { ::BN_free(number); }
    void operator()(ECDSA_SIG* const signature) const noexcept { ::ECDSA_SIG_free(signature); }
    void operator()(EVP_MD_CTX* const context) const noexcept { ::EVP_MD_CTX_free(context); }
    void operator()(EVP_PKEY* const key) const noexcept { ::EVP_PKEY_free(key); }
    void operator()(EVP_KDF* const kdf) const noexcept { ::EVP_KDF_free(kdf); }
    void operator()(EVP_KDF_CTX* const context) const noexcept { ::EVP_KDF_CTX_free(context); }
    void operator()(EVP_MAC* const mac) const noexcept { ::EVP_MAC_free(mac); }
    void operator()(EVP_MAC_CTX* const context) const noexcept { ::EVP_MAC_CTX_free(context); }
    void operator()(EVP_CIPHER_CTX* const context) const noexcept { ::EVP_CIPHER_CTX_free(context); }
    void operator()(X509* const certificate) const noexcept { ::X509_free(certificate); }
    void operator()(PKCS7* const signature) const noexcept { ::PKCS7_free(signature); }
    void operator()(BIO* const bio) const noexcept { ::BIO_free(bio); }
};

template<typename Handle>
using OpensslPtr = std::unique_ptr<Handle, OpensslDelete>;

/// Empties the thread's error queue (ERR_get_error(3)) and returns its entries, oldest first, each preceded
/// by ": "; "" when there is none.
[[nodiscard]] std::string take_openssl_errors();

/// Throws Error{internal} with those entries unless the call `is_done`.
void require_openssl(bool is_done, std::string_view call);

/// Bytes as OpenSSL takes them.
[[nodiscard]] inline unsigned char* openssl_out(const std::span<std::byte> bytes) noexcept {
    return reinterpret_cast<unsigned char*>(bytes.data());
}
[[nodiscard]] inline const unsigned char* openssl_in(const std::span<const std::byte> bytes) noexcept {
    return reinterpret_cast<const unsigned char*>(bytes.data());
}

} // namespace sealmount
