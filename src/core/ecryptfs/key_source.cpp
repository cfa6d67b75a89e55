// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/ecryptfs/key_source.hpp"

#include "base/error.hpp"
#include "base/format.hpp"
#include "core/ecryptfs/auth_token.hpp"

namespace sealmount {

namespace {

std::optional<Fekek> key_in(Keyring& keyring, const std::string& signature) {
    // More than a token has, so that the message about one that is too long can say how long it is.
    constexpr std::size_t limit = 4096;
    try {
        if (const auto payload = keyring.read_user_key(signature, limit)) {
            return read_auth_token(*payload, signature);
        }
        return std::nullopt;
    } catch (const Error& error) {
        if (error.reason() != Reason::bad_data) {
            throw;
        }
        throw Error{Reason::bad_data, error.what(), {AdviceKind::renew_user_key}};
    }
}

Fekek fekek_of(const SecretBytes& key) {
    return {.key = key.clone(), .signature = signature_of(key)};
}

void check_size(const SecretBytes& key) {
    if (key.size() != fekek_size) {
        throw Error{Reason::usage, formatted("an eCryptfs key has 64 bytes, not {}", key.size())};
    }
}

} // namespace

Fekek PassphraseSource::content_key(const std::set<std::string>& wanted) {
    std::optional<Fekek> first;
    for (const Salt& salt : means_.salts) {
        Fekek key = derive_fekek(passphrase_, salt);
        if (wanted.empty() || wanted.contains(key.signature)) {
            salt_ = salt;
            return key;
        }
        if (!first) {
            first = std::move(key);
        }
    }
    return std::move(first.value());
}

std::optional<Fekek> PassphraseSource::filename_key(const Fekek& content,
                                                    const std::set<std::string>& wanted) {
    // mount.ecryptfs offers the content key for names as well; ecryptfs-add-passphrase --fnek makes one of
    // its own. The names on disk show it; where there are none, the second is what a key in the keyring was
    // most likely made for.
    if (!means_.filename_passphrase) {
        if (wanted.contains(content.signature)) {
            return std::nullopt;
        }
        Fekek key = derive_fekek(passphrase_, filename_salt);
        if (wanted.empty() || wanted.contains(key.signature) || !means_.ask_filename_passphrase) {
            return key;
        }
        means_.filename_passphrase = means_.ask_filename_passphrase();
        if (!means_.filename_passphrase) {
            return key;
        }
    }
    auto fitting = derive_one_of(*means_.filename_passphrase, names_own_salts, wanted);
    Fekek key = fitting ? std::move(*fitting) : derive_fekek(*means_.filename_passphrase, content_salt);
    return key.signature == content.signature ? std::nullopt : std::optional{std::move(key)};
}

Advice PassphraseSource::advice_for_names() const {
    return {means_.filename_passphrase ? AdviceKind::none : AdviceKind::give_filename_passphrase};
}

Fekek KeyringSource::content_key(const std::set<std::string>& /*wanted*/) {
    auto key = key_in(keyring_, signature_);
    if (!key) {
        throw Error{Reason::no_input,
                    formatted("root's keyring does not hold the user key {}", signature_),
                    {AdviceKind::add_user_key}};
    }
    return std::move(*key);
}

std::optional<Fekek> KeyringSource::filename_key(const Fekek& content, const std::set<std::string>& wanted) {
    if (!filename_signature_ && wanted.empty()) {
        throw Error{Reason::usage,
                    "the volume is empty, so nothing shows the key of its file names",
                    {AdviceKind::name_filename_key}};
    }
    const std::string signature = filename_signature_.value_or(
        wanted.contains(content.signature) || wanted.empty() ? content.signature : *wanted.begin());
    if (signature == content.signature) {
        return std::nullopt;
    }
    auto key = key_in(keyring_, signature);
    if (!key) {
        throw Error{
            Reason::no_input,
            formatted("root's keyring does not hold the user key {}, the key of the file names", signature),
            {AdviceKind::add_both_user_keys}};
    }
    return key;
}

FekekSource::FekekSource(SecretBytes content_key, std::optional<SecretBytes> filename_key)
    : content_key_(std::move(content_key)), filename_key_(std::move(filename_key)) {
    check_size(content_key_);
    if (filename_key_) {
        check_size(*filename_key_);
    }
}

Fekek FekekSource::content_key(const std::set<std::string>& /*wanted*/) {
    return fekek_of(content_key_);
}

std::optional<Fekek> FekekSource::filename_key(const Fekek& content, const std::set<std::string>& wanted) {
    if (filename_key_) {
        Fekek key = fekek_of(*filename_key_);
        return key.signature == content.signature ? std::nullopt : std::optional{std::move(key)};
    }
    if (!wanted.empty() && !wanted.contains(content.signature)) {
        throw Error{Reason::usage,
                    formatted("the file names were made with another key, {}", *wanted.begin()),
                    {AdviceKind::give_filename_fekek}};
    }
    return std::nullopt;
}

} // namespace sealmount
