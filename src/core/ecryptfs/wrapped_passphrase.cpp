// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/ecryptfs/wrapped_passphrase.hpp"

#include "base/error.hpp"
#include "base/format.hpp"
#include "base/hex.hpp"

#include <algorithm>
#include <vector>

namespace sealmount {

namespace {

constexpr std::size_t signature_digits = 16;
constexpr std::size_t wrapping_key_size = 16;
constexpr std::size_t block_size = 16;

[[noreturn]] void fail(const std::string& problem) {
    throw Error{Reason::bad_data, problem + ": this is not a file that ecryptfs-wrap-passphrase wrote"};
}

struct WrappedFile {
    std::vector<Salt> salts; ///< with one of which it was made
    std::string signature;   ///< of the wrapping passphrase
    BytesView ciphertext;
};

WrappedFile read_wrapped_file(BytesView file, const std::span<const Salt> version_1_salts) {
    constexpr std::byte version_mark{':'};
    constexpr std::byte version_2{2};
    WrappedFile wrapped{
        .salts = {version_1_salts.begin(), version_1_salts.end()}, .signature = {}, .ciphertext = {}};
    if (!file.empty() && file.front() == version_mark) {
        Salt salt{};
        if (file.size() < 2 + salt.size() || file[1] != version_2) {
            fail("its version is not 2, or its salt is cut off");
        }
        std::ranges::copy(file.subspan(2, salt.size()), salt.begin());
        wrapped.salts = {salt};
        file = file.subspan(2 + salt.size());
    }
    if (file.size() < signature_digits) {
        fail("it is cut off");
    }
    wrapped.signature.assign(reinterpret_cast<const char*>(file.data()), signature_digits);
    if (!from_hex(wrapped.signature)) {
        fail("it does not begin with a signature");
    }
    std::ranges::transform(wrapped.signature, wrapped.signature.begin(), [](const char digit) {
        return digit >= 'A' && digit <= 'F' ? digit - 'A' + 'a' : digit;
    });
    wrapped.ciphertext = file.subspan(signature_digits);
    if (wrapped.ciphertext.empty() || wrapped.ciphertext.size() > longest_passphrase ||
        wrapped.ciphertext.size() % block_size != 0) {
        fail(formatted("its encrypted part has {} bytes, not 16, 32, 48 or 64", wrapped.ciphertext.size()));
    }
    return wrapped;
}

} // namespace

SecretBytes unwrap_passphrase(const BytesView file, const SecretBytes& wrapping,
                              const std::span<const Salt> version_1_salts) {
    const WrappedFile wrapped = read_wrapped_file(file, version_1_salts);
    auto fekek = derive_one_of(wrapping, wrapped.salts, {wrapped.signature});
    if (!fekek) {
        throw Error{
            Reason::refused,
            formatted("wrong wrapping passphrase: the file was wrapped with the one of signature {}, this "
                      "one gives {}",
                      wrapped.signature, derive_fekek(wrapping, wrapped.salts.front()).signature)};
    }
    fekek->key.shrink(wrapping_key_size);
    SecretBytes passphrase = aes128_ecb_decrypt(fekek->key, wrapped.ciphertext);
    const auto end = std::ranges::find(passphrase.bytes(), std::byte{0});
    passphrase.shrink(static_cast<std::size_t>(end - passphrase.bytes().begin()));
    if (passphrase.empty()) {
        fail("the passphrase in it is empty");
    }
    return passphrase;
}

} // namespace sealmount
