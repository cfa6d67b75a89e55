// Digests in the hash algorithms of the four PCR banks, over OpenSSL.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "sys/crypto/crypto.hpp"
#include "sys/tpm/pcr.hpp"

#include <cstddef>
#include <initializer_list>
#include <memory>
#include <span>

struct evp_md_ctx_st; // OpenSSL's EVP_MD_CTX

namespace sealmount {

/// The size in bytes of the bank's digests, and of its PCRs.
[[nodiscard]] std::size_t digest_size(PcrBank bank);

/// The digest of the concatenation of the parts (FIPS 180-4). Throws Error{internal} when OpenSSL fails.
[[nodiscard]] Bytes digest(PcrBank bank, std::span<const BytesView> parts);
[[nodiscard]] Bytes digest(PcrBank bank, std::initializer_list<BytesView> parts);

/// The digest of what comes piece by piece, for files that are too large for memory. Throws as
/// digest() does.
class RunningDigest {
  public:
    explicit RunningDigest(PcrBank bank);

    void add(BytesView part);
    /// Once, after all parts.
    [[nodiscard]] Bytes finish();

  private:
    struct ContextFree {
        void operator()(evp_md_ctx_st* context) const noexcept;
    };

    std::unique_ptr<evp_md_ctx_st, ContextFree> context_;
    std::size_t size_;
};

} // namespace sealmount
