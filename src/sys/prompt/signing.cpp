// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/prompt/signing.hpp"

#include "base/error.hpp"
#include "base/format.hpp"
#include "sys/prompt/secret_input.hpp"

#include <openssl/pem.h>
#include <openssl/store.h>
#include <openssl/ui.h>
#include <openssl/x509.h>

#include <algorithm>
#include <filesystem>

namespace sealmount {

namespace {

constexpr std::size_t longest_pem = 12000; // an RSA key of 4096 bits has about 3300

struct StoreDelete {
    void operator()(OSSL_STORE_CTX* const store) const noexcept { ::OSSL_STORE_close(store); }
    void operator()(OSSL_STORE_INFO* const info) const noexcept { ::OSSL_STORE_INFO_free(info); }
    void operator()(UI_METHOD* const method) const noexcept { ::UI_destroy_method(method); }
};

template<typename Handle>
using StorePtr = std::unique_ptr<Handle, StoreDelete>;

/// What OpenSSL asks, handed on to a Prompt.
struct PemQuestion {
    const std::string& place;
    Prompt& prompt;
    bool asked = false;
    std::string refused; ///< why there was no answer
};

/// pem_password_cb of PEM_read_bio_PrivateKey(3); -1 for no answer. Nothing may be thrown through OpenSSL.
int answer(char* const buffer, const int size, const int /*for_writing*/, void* const data) noexcept {
    auto& question = *static_cast<PemQuestion*>(data);
    try {
        if (question.asked) { // the answer was wrong
            return -1;
        }
        question.asked = true;
        const auto typed =
            question.prompt.ask(formatted("Passphrase of {}:", question.place), "sealmount:sign-policy", {});
        if (!typed) {
            question.refused = describe(typed.error().kind);
            return -1;
        }
        if (typed->size() > static_cast<std::size_t>(std::max(size, 0))) {
            question.refused = "what was typed is too long";
            return -1;
        }
        std::ranges::copy(typed->bytes(), reinterpret_cast<std::byte*>(buffer));
        return static_cast<int>(typed->size());
    } catch (const std::exception& error) {
        question.refused = error.what();
        return -1;
    }
}

bool is_uri(const std::string& place) {
    const std::size_t colon = place.find(':');
    std::error_code ignored;
    return colon != std::string::npos && colon > 0 && place.find('/') > colon &&
           !std::filesystem::exists(place, ignored);
}

OpensslPtr<EVP_PKEY> read_pem(const std::string& file, PemQuestion& question) {
    const SecretBytes text = read_secret(file, longest_pem);
    const OpensslPtr<BIO> memory{::BIO_new_mem_buf(text.bytes().data(), static_cast<int>(text.size()))};
    return OpensslPtr<EVP_PKEY>{::PEM_read_bio_PrivateKey(memory.get(), nullptr, &answer, &question)};
}

OpensslPtr<EVP_PKEY> read_store(const std::string& uri, PemQuestion& question) {
    const StorePtr<UI_METHOD> method{::UI_UTIL_wrap_read_pem_callback(&answer, 0)};
    const StorePtr<OSSL_STORE_CTX> store{
        ::OSSL_STORE_open(uri.c_str(), method.get(), &question, nullptr, nullptr)};
    if (!store || ::OSSL_STORE_expect(store.get(), OSSL_STORE_INFO_PKEY) != 1) {
        return {};
    }
    while (::OSSL_STORE_eof(store.get()) == 0 && ::OSSL_STORE_error(store.get()) == 0) {
        const StorePtr<OSSL_STORE_INFO> info{::OSSL_STORE_load(store.get())};
        if (info && ::OSSL_STORE_INFO_get_type(info.get()) == OSSL_STORE_INFO_PKEY) {
            return OpensslPtr<EVP_PKEY>{::OSSL_STORE_INFO_get1_PKEY(info.get())};
        }
    }
    return {};
}

} // namespace

SigningKey::SigningKey(const std::string& place, Prompt& prompt) {
    PemQuestion question{.place = place, .prompt = prompt, .asked = false, .refused = {}};
    const bool from_store = is_uri(place);
    key_ = from_store ? read_store(place, question) : read_pem(place, question);
    const std::string errors = take_openssl_errors();
    if (key_) {
        return;
    }
    if (!question.refused.empty()) {
        throw Error{Reason::refused, formatted("{}: needs a passphrase: {}", place, question.refused)};
    }
    if (question.asked) {
        throw Error{Reason::refused, place + ": the passphrase does not open the private key"};
    }
    if (from_store) {
        throw Error{Reason::config,
                    formatted("{}: gives no private key (is its provider in openssl.cnf?){}", place, errors)};
    }
    throw Error{Reason::config, place + ": does not hold a private key in PEM form (\"BEGIN PRIVATE KEY\")"};
}

std::optional<Bytes> SigningKey::public_key() const {
    unsigned char* made = nullptr;
    const int size = ::i2d_PUBKEY(key_.get(), &made);
    static_cast<void>(take_openssl_errors());
    if (size <= 0) {
        return std::nullopt;
    }
    const auto bytes = std::as_bytes(std::span{made, static_cast<std::size_t>(size)});
    Bytes der{bytes.begin(), bytes.end()};
    ::OPENSSL_free(made);
    return der;
}

Bytes SigningKey::sign(const BytesView data) const {
    const OpensslPtr<EVP_MD_CTX> context{::EVP_MD_CTX_new()};
    const auto* const input = reinterpret_cast<const unsigned char*>(data.data());
    std::size_t size = 0;
    Bytes signature;
    bool done = context &&
                ::EVP_DigestSignInit(context.get(), nullptr, ::EVP_sha256(), nullptr, key_.get()) == 1 &&
                ::EVP_DigestSign(context.get(), nullptr, &size, input, data.size()) == 1;
    if (done) {
        signature.resize(size);
        done = ::EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                                input, data.size()) == 1;
    }
    if (!done) {
        throw Error{Reason::unavailable, "the private key does not sign" + take_openssl_errors()};
    }
    signature.resize(size);
    return signature;
}

} // namespace sealmount
