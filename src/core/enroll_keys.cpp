// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/enroll_keys.hpp"

#include "core/auth_token.hpp"

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

std::optional<Fekek> key_in(Keyring& keyring, const std::string& signature) {
    // More than a token, so that the sentence about one that is too long can say how long it is.
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
        throw Error{Reason::bad_data,
                    error.what() +
                        std::string{": drop it, and put it there anew with 'ecryptfs-add-passphrase'"}};
    }
}

} // namespace

Fekek PassphraseSource::content_key() {
    return derive_fekek(passphrase_, content_salt);
}

std::optional<Fekek> PassphraseSource::filename_key(const Fekek& content,
                                                    const std::set<std::string>& wanted) {
    // mount.ecryptfs offers the content key for names as well; ecryptfs-add-passphrase --fnek makes one of
    // its own. The names on disk tell; where there are none, the second is what a key in the keyring was most
    // likely made for.
    if (wanted.contains(content.signature)) {
        return std::nullopt;
    }
    return derive_fekek(passphrase_, filename_salt);
}

Fekek KeyringSource::content_key() {
    auto key = key_in(keyring_, keys_.signature);
    if (!key) {
        throw Error{Reason::no_input, "root's keyring holds no user key " + keys_.signature +
                                          ": put it there with 'ecryptfs-add-passphrase', as root"};
    }
    return std::move(*key);
}

std::optional<Fekek> KeyringSource::filename_key(const Fekek& content, const std::set<std::string>& wanted) {
    if (!keys_.filename_signature && wanted.empty()) {
        throw Error{Reason::usage,
                    "the volume is empty, so nothing tells the key of its file names: name it with "
                    "--filename-key SIG (that of the contents serves for both)"};
    }
    const std::string signature = keys_.filename_signature.value_or(
        wanted.contains(content.signature) || wanted.empty() ? content.signature : *wanted.begin());
    if (signature == content.signature) {
        return std::nullopt;
    }
    auto key = key_in(keyring_, signature);
    if (!key) {
        throw Error{Reason::no_input, "root's keyring holds no user key " + signature +
                                          ", the key of the file names: put both keys "
                                          "there with 'ecryptfs-add-passphrase "
                                          "--fnek', as root"};
    }
    return key;
}

std::vector<Fekek> keys_for_volume(const Store& store, EnrollRequest& request, const Survey& survey,
                                   KeySource& source) {
    Volume& volume = request.volume;
    std::vector<Fekek> keys;
    keys.push_back(source.content_key());
    volume.signature = keys.front().signature;
    if (!survey.signatures.empty() && !survey.signatures.contains(volume.signature)) {
        refuse("wrong " + source.noun() + ": " + volume.lower + " was made with the key " +
               join(survey.signatures) + ", " + source.it_gives() + " " + volume.signature);
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
    const std::set<std::string>& wanted = survey.filename_signatures;
    if (auto key = source.filename_key(keys.front(), wanted)) {
        keys.push_back(std::move(*key));
    }
    volume.filename_signature = keys.back().signature;
    if (!wanted.empty() && !wanted.contains(*volume.filename_signature)) {
        refuse("wrong " + source.noun() + " for the file names: those in " + volume.lower +
               " were made with the key " + join(wanted) + ", " + source.it_gives() + " " +
               *volume.filename_signature);
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
