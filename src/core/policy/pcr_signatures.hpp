// Signed PCR policies: the file that systemd-measure, ukify and `sealmount sign-policy` write
// (tpm2-pcr-signature.json).
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "base/advice.hpp"
#include "base/strict_json.hpp"
#include "sys/crypto/crypto.hpp"
#include "sys/tpm/pcr.hpp"
#include "sys/tpm/policy_step.hpp"

#include <cstddef>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sealmount {

/// Why a signature file holds nothing for the present state, from the widest reason to the narrowest.
enum class NoSignature {
    for_key,   ///< nothing that this key signed: another key's file
    for_pcrs,  ///< the key signed other PCRs, or another bank
    for_state, ///< the key signed other values of these PCRs: a state that its owner has not approved
    is_valid,  ///< an entry is for this state, but its signature does not verify: the file is damaged
};

struct SignatureLack {
    NoSignature kind;
    std::size_t states = 0; ///< how many states of these PCRs the key has signed
    Problem problem;
};

/// A signature file in memory. Its form (systemd: src/measure/measure.c, verb_sign; src/shared/tpm2-util.c,
/// find_signature): an object with a list for each PCR bank; each entry has "pcrs", the numbers; "pkfp", hex,
/// the key's fingerprint(); "pol", hex, the digest of a session after TPM2_PolicyPCR over these PCRs; and
/// "sig", base64, the signature over that digest. Several entries: several boot phases, kernels and keys.
/// Entries that lack one of these are ignored; whatever else is in the file is kept.
class PcrSignatures {
  public:
    /// No entries.
    PcrSignatures();
    PcrSignatures(PcrSignatures&& other) noexcept;
    PcrSignatures& operator=(PcrSignatures&& other) noexcept;
    PcrSignatures(const PcrSignatures&) = delete;
    PcrSignatures& operator=(const PcrSignatures&) = delete;
    ~PcrSignatures();

    /// Throws Error{config}, beginning with the place in the text, when it is not JSON or an entry has a
    /// member of ours in another form.
    explicit PcrSignatures(std::string_view text);

    /// The step that follows TPM2_PolicyPCR over `selection` when that left the digest `approved`. The first
    /// entry whose signature verifies wins. Throws Error{config} for a key that check_policy_key() refuses.
    [[nodiscard]] std::expected<AuthorizeStep, SignatureLack>
    find(PcrSelection selection, BytesView public_key, const PolicyDigest& approved) const;

    /// Adds an entry. False when there is one already, for the same key, PCRs and digest, that verifies; one
    /// that does not is replaced.
    bool add(PcrSelection selection, const AuthorizeStep& step);

    /// The file, on one line as systemd writes it.
    [[nodiscard]] std::string text() const;

  private:
    struct Entry {
        PcrSelection selection;
        Bytes key_fingerprint;
        Bytes approved;
        Bytes signature;
        std::string bank;   ///< where it is in the document: in which list,
        std::size_t at = 0; ///< and at which place in that
    };

    void read_list(const std::string& bank, const Json& list);

    std::unique_ptr<Json> document_;
    std::vector<Entry> entries_;
};

} // namespace sealmount
