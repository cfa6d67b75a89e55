// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/unlock/volume_keys.hpp"

#include "base/error.hpp"

#include <algorithm>

namespace sealmount {

namespace {

Salt salt_of(const Volume& volume) {
    return volume.salt ? parse_salt(*volume.salt).value_or(content_salt) : content_salt;
}

} // namespace

std::vector<Fekek> keys_from_passphrase(const Volume& volume, const SecretBytes& passphrase) {
    std::vector<Fekek> keys;
    try {
        if (Fekek content = derive_fekek(passphrase, salt_of(volume));
            content.signature == volume.signature) {
            keys.push_back(std::move(content));
        }
        if (volume.signatures().size() > 1) {
            if (auto names = derive_one_of(passphrase, names_own_salts, {*volume.filename_signature})) {
                keys.push_back(std::move(*names));
            }
        }
    } catch (const Error& error) {
        if (error.reason() != Reason::usage) {
            throw;
        }
        return {}; // empty, or longer than any mount passphrase: simply not the right one
    }
    return keys;
}

bool AnsweredKeys::add(const SecretBytes& passphrase) {
    const std::size_t before = keys_.size();
    for (Fekek& key : keys_from_passphrase(volume_, passphrase)) {
        if (!has(key.signature)) {
            keys_.push_back(std::move(key));
        }
    }
    return keys_.size() > before;
}

bool AnsweredKeys::has(const std::string_view signature) const {
    return std::ranges::any_of(keys_, [&](const Fekek& key) { return key.signature == signature; });
}

bool AnsweredKeys::is_complete() const {
    return std::ranges::all_of(volume_.signatures(),
                               [&](const std::string& signature) { return has(signature); });
}

} // namespace sealmount
