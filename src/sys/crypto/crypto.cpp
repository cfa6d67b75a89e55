// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/crypto/crypto.hpp"

#include "base/error.hpp"
#include "base/format.hpp"
#include "sys/crypto/openssl.hpp"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <limits>
#include <memory>

namespace sealmount {

namespace {

constexpr std::size_t sha512_size = 64;
constexpr std::size_t aes_block_size = 16;

int length_of(const BytesView bytes) {
    if (bytes.size() > static_cast<std::size_t>(std::numeric_limits<int>::max() / 2)) {
        throw Error{Reason::internal, "too much data for one call of OpenSSL"};
    }
    return static_cast<int>(bytes.size());
}

OpensslPtr<EVP_MD_CTX> make_digest_context() {
    OpensslPtr<EVP_MD_CTX> context{::EVP_MD_CTX_new()};
    require_openssl(context != nullptr, "EVP_MD_CTX_new");
    return context;
}

void digest(EVP_MD_CTX* const context, const EVP_MD* const kind, const std::initializer_list<BytesView> parts,
            const std::span<std::byte> result) {
    require_openssl(::EVP_DigestInit_ex2(context, kind, nullptr) == 1, "EVP_DigestInit_ex2");
    for (const BytesView part : parts) {
        require_openssl(::EVP_DigestUpdate(context, part.data(), part.size()) == 1, "EVP_DigestUpdate");
    }
    require_openssl(::EVP_DigestFinal_ex(context, openssl_out(result), nullptr) == 1, "EVP_DigestFinal_ex");
}

enum class CbcDirection { decrypt = 0, encrypt = 1 };

/// Without padding. `iv` is empty where the mode takes none.
void cipher(const EVP_CIPHER* const kind, const CbcDirection direction, const SecretBytes& key,
            const BytesView iv, const BytesView data, const std::span<std::byte> result) {
    if (key.size() != static_cast<std::size_t>(::EVP_CIPHER_get_key_length(kind)) ||
        iv.size() != static_cast<std::size_t>(::EVP_CIPHER_get_iv_length(kind)) ||
        data.size() % aes_block_size != 0) {
        throw Error{Reason::internal, formatted("{} was called with a key, IV or data of a wrong size",
                                                ::EVP_CIPHER_get0_name(kind))};
    }
    const OpensslPtr<EVP_CIPHER_CTX> context{::EVP_CIPHER_CTX_new()};
    require_openssl(context != nullptr, "EVP_CIPHER_CTX_new");
    require_openssl(::EVP_CipherInit_ex2(context.get(), kind, openssl_in(key.bytes()),
                                         iv.empty() ? nullptr : openssl_in(iv), static_cast<int>(direction),
                                         nullptr) == 1,
                    "EVP_CipherInit_ex2");
    require_openssl(::EVP_CIPHER_CTX_set_padding(context.get(), 0) == 1, "EVP_CIPHER_CTX_set_padding");
    int written = 0;
    require_openssl(::EVP_CipherUpdate(context.get(), openssl_out(result), &written, openssl_in(data),
                                       length_of(data)) == 1,
                    "EVP_CipherUpdate");
    int rest = 0;
    require_openssl(::EVP_CipherFinal_ex(context.get(), openssl_out(result) + written, &rest) == 1,
                    "EVP_CipherFinal_ex");
}

} // namespace

std::array<std::byte, 32> sha256(const std::initializer_list<BytesView> parts) {
    std::array<std::byte, 32> result{};
    digest(make_digest_context().get(), ::EVP_sha256(), parts, result);
    return result;
}

SecretBytes secret_sha256(const BytesView data) {
    SecretBytes result{32};
    digest(make_digest_context().get(), ::EVP_sha256(), {data}, result.bytes());
    return result;
}

SecretBytes iterated_sha512(const BytesView data, const unsigned rounds) {
    SecretBytes result{sha512_size};
    const OpensslPtr<EVP_MD_CTX> context = make_digest_context();
    digest(context.get(), ::EVP_sha512(), {data}, result.bytes());
    for (unsigned round = 1; round < rounds; ++round) {
        // No kind: OpenSSL keeps the one it has, instead of looking it up 65536 times.
        digest(context.get(), nullptr, {result.bytes()}, result.bytes());
    }
    return result;
}

std::array<std::byte, 32> hmac_sha256(const SecretBytes& key, const std::initializer_list<BytesView> parts) {
    const OpensslPtr<EVP_MAC> mac{::EVP_MAC_fetch(nullptr, "HMAC", nullptr)};
    require_openssl(mac != nullptr, "EVP_MAC_fetch");
    const OpensslPtr<EVP_MAC_CTX> context{::EVP_MAC_CTX_new(mac.get())};
    require_openssl(context != nullptr, "EVP_MAC_CTX_new");
    std::string digest_name = "SHA256";
    const std::array parameters = {
        ::OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest_name.data(), 0),
        ::OSSL_PARAM_construct_end()};
    require_openssl(::EVP_MAC_init(context.get(), openssl_in(key.bytes()), key.size(), parameters.data()) ==
                        1,
                    "EVP_MAC_init");
    for (const BytesView part : parts) {
        require_openssl(::EVP_MAC_update(context.get(), openssl_in(part), part.size()) == 1,
                        "EVP_MAC_update");
    }
    std::array<std::byte, 32> result{};
    std::size_t written = 0;
    require_openssl(::EVP_MAC_final(context.get(), openssl_out(result), &written, result.size()) == 1,
                    "EVP_MAC_final");
    return result;
}

Bytes aes256_cbc_encrypt(const SecretBytes& key, const BytesView iv, const SecretBytes& data) {
    Bytes result(data.size());
    cipher(::EVP_aes_256_cbc(), CbcDirection::encrypt, key, iv, data.bytes(), result);
    return result;
}

SecretBytes aes256_cbc_decrypt(const SecretBytes& key, const BytesView iv, const BytesView data) {
    SecretBytes result{data.size()};
    cipher(::EVP_aes_256_cbc(), CbcDirection::decrypt, key, iv, data, result.bytes());
    return result;
}

SecretBytes aes128_ecb_decrypt(const SecretBytes& key, const BytesView data) {
    SecretBytes result{data.size()};
    cipher(::EVP_aes_128_ecb(), CbcDirection::decrypt, key, {}, data, result.bytes());
    return result;
}

SecretBytes random_secret(const std::size_t size) {
    SecretBytes result{size};
    require_openssl(::RAND_priv_bytes(openssl_out(result.bytes()), length_of(result.bytes())) == 1,
                    "RAND_priv_bytes");
    return result;
}

Bytes random_bytes(const std::size_t size) {
    Bytes result(size);
    require_openssl(::RAND_bytes(openssl_out(result), length_of(result)) == 1, "RAND_bytes");
    return result;
}

bool equal_constant_time(const BytesView a, const BytesView b) noexcept {
    return a.size() == b.size() && (a.empty() || ::CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0);
}

std::string to_base64(const BytesView data) {
    // OpenSSL writes a NUL behind the text, for which std::string has room.
    std::string text((data.size() + 2) / 3 * 4, '\0');
    ::EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), openssl_in(data), length_of(data));
    return text;
}

std::optional<Bytes> from_base64(const std::string_view text) {
    if (text.size() % 4 != 0) {
        return std::nullopt;
    }
    Bytes data(text.size() / 4 * 3);
    if (::EVP_DecodeBlock(openssl_out(data), openssl_in(as_bytes(text)), length_of(as_bytes(text))) < 0) {
        static_cast<void>(take_openssl_errors());
        return std::nullopt;
    }
    // OpenSSL counts the padding as zero bytes.
    const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
    data.resize(data.size() - padding);
    // It also accepts white space at the ends and stray bits in the last character; only one text is the
    // canonical one for these bytes.
    if (to_base64(data) != text) {
        return std::nullopt;
    }
    return data;
}

} // namespace sealmount
