// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/tpm/digest.hpp"

#include "base/error.hpp"

#include <openssl/evp.h>

namespace sealmount {

namespace {

void require(const bool done) {
    if (!done) {
        throw Error{Reason::internal, "OpenSSL cannot compute a digest"};
    }
}

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

void RunningDigest::ContextFree::operator()(evp_md_ctx_st* const context) const noexcept {
    ::EVP_MD_CTX_free(context);
}

RunningDigest::RunningDigest(const PcrBank bank) : context_(::EVP_MD_CTX_new()), size_(digest_size(bank)) {
    require(context_ != nullptr && ::EVP_DigestInit_ex2(context_.get(), algorithm(bank), nullptr) == 1);
}

void RunningDigest::add(const BytesView part) {
    require(::EVP_DigestUpdate(context_.get(), part.data(), part.size()) == 1);
}

Bytes RunningDigest::finish() {
    Bytes result(size_);
    require(::EVP_DigestFinal_ex(context_.get(), reinterpret_cast<unsigned char*>(result.data()), nullptr) ==
            1);
    return result;
}

Bytes digest(const PcrBank bank, const std::span<const BytesView> parts) {
    RunningDigest running{bank};
    for (const BytesView part : parts) {
        running.add(part);
    }
    return running.finish();
}

Bytes digest(const PcrBank bank, const std::initializer_list<BytesView> parts) {
    return digest(bank, std::span{parts.begin(), parts.size()});
}

} // namespace sealmount
