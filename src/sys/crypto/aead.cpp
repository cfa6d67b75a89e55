// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/crypto/aead.hpp"

#include "base/error.hpp"
#include "sys/crypto/openssl.hpp"

#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include <array>
#include <memory>

namespace sealmount {

namespace {

constexpr std::size_t aes256_key_size = 32;

/// OpenSSL's parameters take pointers to what they do not change.
OSSL_PARAM octets(const char* const name, const BytesView bytes) {
    return ::OSSL_PARAM_construct_octet_string(name, const_cast<std::byte*>(bytes.data()), bytes.size());
}

enum class Direction { decrypt = 0, encrypt = 1 };

/// A context that has taken key, nonce and what is authenticated along.
OpensslPtr<EVP_CIPHER_CTX> start(const Direction direction, const SecretBytes& key, const BytesView nonce,
                                 const BytesView context) {
    if (key.size() != aes256_key_size || nonce.size() != gcm_nonce_size) {
        throw Error{Reason::internal, "AES-256-GCM was called with a key or nonce of a wrong size"};
    }
    OpensslPtr<EVP_CIPHER_CTX> cipher{::EVP_CIPHER_CTX_new()};
    require_openssl(cipher != nullptr, "EVP_CIPHER_CTX_new");
    require_openssl(::EVP_CipherInit_ex2(cipher.get(), ::EVP_aes_256_gcm(), openssl_in(key.bytes()),
                                         openssl_in(nonce), static_cast<int>(direction), nullptr) == 1,
                    "EVP_CipherInit_ex2");
    int ignored = 0;
    require_openssl(::EVP_CipherUpdate(cipher.get(), nullptr, &ignored, openssl_in(context),
                                       static_cast<int>(context.size())) == 1,
                    "EVP_CipherUpdate");
    return cipher;
}

} // namespace

SecretBytes hkdf_sha256(const SecretBytes& key, const BytesView salt, const std::string_view info,
                        const std::size_t size) {
    const OpensslPtr<EVP_KDF> kdf{::EVP_KDF_fetch(nullptr, "HKDF", nullptr)};
    require_openssl(kdf != nullptr, "EVP_KDF_fetch");
    const OpensslPtr<EVP_KDF_CTX> context{::EVP_KDF_CTX_new(kdf.get())};
    require_openssl(context != nullptr, "EVP_KDF_CTX_new");
    std::string digest = "SHA256";
    const std::array parameters = {
        ::OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest.data(), 0),
        octets(OSSL_KDF_PARAM_KEY, key.bytes()), octets(OSSL_KDF_PARAM_SALT, salt),
        octets(OSSL_KDF_PARAM_INFO, as_bytes(info)), ::OSSL_PARAM_construct_end()};
    SecretBytes result{size};
    require_openssl(::EVP_KDF_derive(context.get(), openssl_out(result.bytes()), size, parameters.data()) ==
                        1,
                    "EVP_KDF_derive");
    return result;
}

Bytes aes256_gcm_encrypt(const SecretBytes& key, const BytesView nonce, const BytesView context,
                         const SecretBytes& data) {
    const auto cipher = start(Direction::encrypt, key, nonce, context);
    Bytes result(data.size() + gcm_tag_size);
    int written = 0;
    require_openssl(::EVP_CipherUpdate(cipher.get(), openssl_out(result), &written, openssl_in(data.bytes()),
                                       static_cast<int>(data.size())) == 1,
                    "EVP_CipherUpdate");
    int rest = 0;
    require_openssl(::EVP_CipherFinal_ex(cipher.get(), openssl_out(result) + written, &rest) == 1,
                    "EVP_CipherFinal_ex");
    require_openssl(::EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_AEAD_GET_TAG, gcm_tag_size,
                                          result.data() + data.size()) == 1,
                    "EVP_CIPHER_CTX_ctrl");
    return result;
}

std::optional<SecretBytes> aes256_gcm_decrypt(const SecretBytes& key, const BytesView nonce,
                                              const BytesView context, const BytesView data) {
    if (data.size() < gcm_tag_size) {
        return std::nullopt;
    }
    const auto cipher = start(Direction::decrypt, key, nonce, context);
    const BytesView ciphertext = data.first(data.size() - gcm_tag_size);
    SecretBytes result{ciphertext.size()};
    int written = 0;
    require_openssl(::EVP_CipherUpdate(cipher.get(), openssl_out(result.bytes()), &written,
                                       openssl_in(ciphertext), static_cast<int>(ciphertext.size())) == 1,
                    "EVP_CipherUpdate");
    // The control only reads the tag.
    require_openssl(::EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_AEAD_SET_TAG, gcm_tag_size,
                                          const_cast<std::byte*>(data.last(gcm_tag_size).data())) == 1,
                    "EVP_CIPHER_CTX_ctrl");
    int rest = 0;
    if (::EVP_CipherFinal_ex(cipher.get(), openssl_out(result.bytes()) + written, &rest) != 1) {
        static_cast<void>(take_openssl_errors());
        return std::nullopt;
    }
    return result;
}

} // namespace sealmount
