// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/unlock/plain_proof.hpp"

#include "base/hex.hpp"
#include "core/unlock/plain_json.hpp"
#include "sys/raw/raw_digest.hpp"

#include <span>
#include <string>

namespace sealmount {

namespace {

// core/master/store_proof.cpp and core/ecryptfs/encrypted_key.cpp have the source of each.
constexpr std::string_view plain_file_label = "sealmount master file, version 2\n";
constexpr std::string_view plain_end_of_form = "\n}\n";
constexpr std::string_view plain_binding_label = "sealmount volume key, version 2";
constexpr std::size_t vector_digits = 32;
constexpr std::size_t plain_proof_digits = std::size_t{2} * (16 + 1 + 32 + 32);

} // namespace

bool is_plainly_sealed(const PlainMasterFile& file, const std::string_view master) {
    std::string begin{"default trusted:"};
    begin.append(master).append(" 32 ");
    if (!file.seal.starts_with(begin)) {
        return false;
    }
    const std::string_view blob = file.seal.substr(begin.size());
    const auto digest = digest_of_texts({plain_file_label, file.before_seal, plain_end_of_form});
    return is_plain_hex(blob, plain_proof_digits) &&
           blob.substr(0, vector_digits) ==
               to_hex(std::span<const std::byte>{digest}.first(vector_digits / 2));
}

bool is_plainly_bound(const std::string_view text, const std::string_view signature) {
    const std::string_view vector = text.substr(text.rfind(' ') + 1, vector_digits);
    const auto nonce = from_hex(vector.substr(0, vector_digits / 2));
    if (vector.size() != vector_digits || !nonce) {
        return false;
    }
    const std::string_view nonce_text{reinterpret_cast<const char*>(nonce->data()), nonce->size()};
    const auto digest = digest_of_texts({plain_binding_label, signature, nonce_text});
    return vector.substr(vector_digits / 2) ==
           to_hex(std::span<const std::byte>{digest}.first(vector_digits / 4));
}

} // namespace sealmount
