// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/tpm/digest.hpp"

#include "base/error.hpp"

#include <openssl/evp.h>

#include <memory>

namespace sealmount {

namespace {

struct ContextFree {
    void operator()(EVP_MD_CTX* const context) const noexcept { ::EVP_MD_CTX_free(context); }
};

const EVP_MD* algorithm(const PcrBank bank) {
    switch (bank) {
    case PcrBank::sha1:
        return ::EVP_sha1();
    case PcrBank::sha256:
        return ::EVP_sha256();
    case PcrBank::sha384:
        return ::EVP_sha384();
    case PcrBank::sha512:
        return ::EVP_sha512();
    }
    throw Error{Reason::internal, "a PCR bank of an unknown hash algorithm"};
}

} // namespace

std::size_t digest_size(const PcrBank bank) {
    return static_cast<std::size_t>(::EVP_MD_get_size(algorithm(bank)));
}

Bytes digest(const PcrBank bank, const std::span<const BytesView> parts) {
    const std::unique_ptr<EVP_MD_CTX, ContextFree> context{::EVP_MD_CTX_new()};
    bool done = context != nullptr && ::EVP_DigestInit_ex2(context.get(), algorithm(bank), nullptr) == 1;
    for (const BytesView part : parts) {
        done = done && ::EVP_DigestUpdate(context.get(), part.data(), part.size()) == 1;
    }
    Bytes result(digest_size(bank));
    if (!done ||
        ::EVP_DigestFinal_ex(context.get(), reinterpret_cast<unsigned char*>(result.data()), nullptr) != 1) {
        throw Error{Reason::internal, "OpenSSL cannot compute a digest"};
    }
    return result;
}

Bytes digest(const PcrBank bank, const std::initializer_list<BytesView> parts) {
    return digest(bank, std::span{parts.begin(), parts.size()});
}

} // namespace sealmount
