// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/enroll_keys.hpp"

#include "base/hex.hpp"

namespace sealmount {

namespace {

[[noreturn]] void refuse(const std::string& message) {
    throw Error{Reason::refused, message};
}

std::string join(const std::set<std::string>& words) {
    std::string text;
    for (const std::string& word : words) {
        text += (text.empty() ? "" : ", ") + word;
    }
    return text;
}

} // namespace

std::vector<Fekek> keys_for_volume(const Store& store, EnrollRequest& request, const Survey& survey,
                                   KeySource& source) {
    Volume& volume = request.volume;
    std::vector<Fekek> keys;
    const std::set<std::string> openers = survey.openers();
    keys.push_back(source.content_key(openers));
    volume.signature = keys.front().signature;
    if (const auto salt = source.salt(); salt && *salt != content_salt) {
        volume.salt = to_hex(*salt);
    }
    if (!openers.empty() && !openers.contains(volume.signature)) {
        refuse("wrong " + source.noun() + ": " + volume.lower + " was made with the key " + join(openers) +
               ", " + source.it_gives() + " " + volume.signature);
    }
    for (const Volume& other : store.manifest().volumes) {
        if (other.lower == volume.lower && other.signature != volume.signature) {
            refuse("wrong " + source.noun() + ": " + volume.lower + " is enrolled as \"" + other.name +
                   "\" with the key " + other.signature + ", " + source.it_gives() + " " + volume.signature);
        }
    }
    if (!request.filename_encryption) {
        return keys;
    }
    std::set<std::string> wanted;
    for (const auto& [signature, seen] : survey.filename_signatures) {
        wanted.insert(signature);
    }
    if (auto key = source.filename_key(keys.front(), wanted)) {
        keys.push_back(std::move(*key));
    }
    volume.filename_signature = keys.back().signature;
    if (!wanted.empty() && !wanted.contains(*volume.filename_signature)) {
        refuse("wrong " + source.noun() + " for the file names: those in " + volume.lower +
               " were made with the key " + join(wanted) + ", " + source.it_gives() + " " +
               *volume.filename_signature + source.mend_for_names());
    }
    return keys;
}

std::vector<std::string> settle_user_keys(Keyring& keyring, const KeyringKeys& keys,
                                          const std::vector<std::string>& signatures) {
    std::vector<std::string> warnings;
    for (const std::string& signature : signatures) {
        const std::string key = "the user key " + signature;
        if (!keys.drop) {
            warnings.push_back(
                key +
                " is still in the keyring: it can be read there, and eCryptfs prefers it to the "
                "sealed one; drop it with 'keyctl unlink \"$(keyctl search @u user " +
                signature + ")\" @u'");
            continue;
        }
        try {
            keyring.drop_user_key(signature);
        } catch (const Error& error) {
            warnings.push_back(std::string{"the volume is enrolled, but "} + error.what());
        }
    }
    return warnings;
}

} // namespace sealmount
