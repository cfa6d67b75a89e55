// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/enroll/enroll_keys.hpp"

#include "base/hex.hpp"
#include "base/text.hpp"

namespace sealmount {

namespace {

[[noreturn]] void refuse(const std::string& message) {
    throw Error{Reason::refused, message};
}

std::set<std::string> signatures_in(const std::map<std::string, Tally>& seen) {
    std::set<std::string> signatures;
    for (const auto& [signature, where] : seen) {
        signatures.insert(signature);
    }
    return signatures;
}

constexpr const char* mend_of_expected =
    ": take the volume over with 'sealmount enroll', and the passphrase that made the files";

} // namespace

void check_expected_keys(const EnrollRequest& request, const Survey& survey) {
    if (!request.expected) {
        return;
    }
    const ExpectedKeys& expected = *request.expected;
    const std::string& lower = request.volume.lower;
    const std::set<std::string> openers = survey.openers();
    if (!openers.empty() && !openers.contains(expected.signature)) {
        refuse(expected.said_by + " names the key " + expected.signature + ", but " + lower +
               " was made with the key " + join(openers) + mend_of_expected);
    }
    const std::set<std::string> names = signatures_in(survey.filename_signatures);
    if (!expected.filename_signature && !names.empty()) {
        refuse(expected.said_by + " names no key for file names, but those in " + lower +
               " were made with the key " + join(names) + mend_of_expected);
    }
    if (expected.filename_signature && !names.empty() && !names.contains(*expected.filename_signature)) {
        refuse(expected.said_by + " names the key " + *expected.filename_signature +
               " for file names, but those in " + lower + " were made with the key " + join(names) +
               mend_of_expected);
    }
    if (expected.filename_signature && names.empty() && survey.plain_names.count > 0) {
        refuse(expected.said_by + " names the key " + *expected.filename_signature +
               " for file names, but those in " + lower + " are plain (" + describe(survey.plain_names) +
               ")" + mend_of_expected);
    }
}

std::vector<Fekek> keys_for_volume(const Store& store, EnrollRequest& request, const Survey& survey,
                                   KeySource& source) {
    Volume& volume = request.volume;
    std::vector<Fekek> keys;
    const auto& expected = request.expected;
    const std::string said_by = expected ? expected->said_by + " names the key " : std::string{};
    const auto openers = expected ? std::set{expected->signature} : survey.openers();
    keys.push_back(source.content_key(openers));
    volume.signature = keys.front().signature;
    if (const auto salt = source.salt(); salt && *salt != content_salt) {
        volume.salt = to_hex(*salt);
    }
    if (!openers.empty() && !openers.contains(volume.signature)) {
        refuse("wrong " + source.noun() + ": " +
               (expected ? said_by : volume.lower + " was made with the key ") + join(openers) + ", " +
               source.it_gives() + " " + volume.signature);
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
    const auto wanted = expected && expected->filename_signature ? std::set{*expected->filename_signature}
                                                                 : signatures_in(survey.filename_signatures);
    if (auto key = source.filename_key(keys.front(), wanted)) {
        keys.push_back(std::move(*key));
    }
    volume.filename_signature = keys.back().signature;
    if (!wanted.empty() && !wanted.contains(*volume.filename_signature)) {
        refuse("wrong " + source.noun() + " for the file names: " +
               (expected ? said_by : "those in " + volume.lower + " were made with the key ") + join(wanted) +
               ", " + source.it_gives() + " " + *volume.filename_signature +
               (expected ? "" : source.mend_for_names()));
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
