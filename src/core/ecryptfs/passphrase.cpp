// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/ecryptfs/passphrase.hpp"

#include "base/error.hpp"
#include "base/hex.hpp"
#include "sys/crypto/crypto.hpp"

#include <algorithm>

namespace sealmount {

namespace {

constexpr unsigned hash_rounds = 65536;

/// The part before the first of `ends`, taken off the front of `text` together with that.
std::string_view take_until(std::string_view& text, const std::string_view ends) {
    const std::size_t size = text.find_first_of(ends);
    const std::string_view part = text.substr(0, size);
    text = size == std::string_view::npos ? std::string_view{} : text.substr(size + 1);
    return part;
}

} // namespace

std::optional<Salt> parse_salt(const std::string_view hex) {
    const auto bytes = from_hex(hex);
    Salt salt{};
    if (!bytes || bytes->size() != salt.size()) {
        return std::nullopt;
    }
    std::ranges::copy(*bytes, salt.begin());
    return salt;
}

std::optional<Salt> salt_in_rc(std::string_view text) {
    constexpr std::string_view name = "salt=";
    while (!text.empty()) {
        const std::string_view word = take_until(text, "\n,");
        if (word.starts_with(name)) {
            if (const auto salt = parse_salt(word.substr(name.size()))) {
                return salt;
            }
        }
    }
    return std::nullopt;
}

Fekek derive_fekek(const SecretBytes& passphrase, const Salt& salt) {
    if (passphrase.empty()) {
        throw Error{Reason::usage, "the passphrase is empty"};
    }
    if (passphrase.size() > longest_passphrase) {
        throw Error{Reason::usage, "the passphrase is longer than the 64 bytes that eCryptfs can use"};
    }
    if (std::ranges::find(passphrase.bytes(), std::byte{0}) != passphrase.bytes().end()) {
        throw Error{Reason::usage, "the passphrase contains a NUL byte, which eCryptfs cannot use"};
    }
    SecretBytes salted{salt.size() + passphrase.size()};
    const auto rest = std::ranges::copy(salt, salted.bytes().begin()).out;
    std::ranges::copy(passphrase.bytes(), rest);
    SecretBytes key = iterated_sha512(salted.bytes(), hash_rounds);
    std::string signature = signature_of(key);
    return {.key = std::move(key), .signature = std::move(signature)};
}

std::optional<Fekek> derive_one_of(const SecretBytes& passphrase, const std::span<const Salt> salts,
                                   const std::set<std::string>& wanted) {
    for (const Salt& salt : salts) {
        Fekek key = derive_fekek(passphrase, salt);
        if (wanted.contains(key.signature)) {
            return key;
        }
    }
    return std::nullopt;
}

std::string signature_of(const SecretBytes& fekek) {
    return to_hex(iterated_sha512(fekek.bytes(), 1).bytes().first(signature_size));
}

} // namespace sealmount
