// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/volume_keys.hpp"

#include "base/error.hpp"

namespace sealmount {

namespace {

Salt salt_of(const Volume& volume) {
    return volume.salt ? parse_salt(*volume.salt).value_or(content_salt) : content_salt;
}

} // namespace

std::vector<Fekek> keys_from_passphrase(const Volume& volume, const SecretBytes& passphrase) {
    std::vector<Fekek> keys;
    try {
        keys.push_back(derive_fekek(passphrase, salt_of(volume)));
        if (keys.front().signature != volume.signature) {
            return {};
        }
        if (volume.signatures().size() > 1) {
            keys.push_back(derive_fekek(passphrase, filename_salt));
            if (keys.back().signature != *volume.filename_signature) {
                return {};
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

} // namespace sealmount
