// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/enroll/enroll_keys.hpp"

#include "base/format.hpp"
#include "base/hex.hpp"
#include "base/text.hpp"
#include "core/enroll/enroll_checks.hpp"

namespace sealmount {

namespace {

std::set<std::string> signatures_in(const std::map<std::string, Tally>& tallies) {
    std::set<std::string> signatures;
    for (const auto& [signature, tally] : tallies) {
        signatures.insert(signature);
    }
    return signatures;
}

/// What names the right key: the other program's setup where there is one, else the directory.
std::string right_key(const EnrollRequest& request, const std::string& made,
                      const std::set<std::string>& signatures) {
    return request.expected ? formatted("{} names the key {}", request.expected->said_by, join(signatures))
                            : formatted("{} made with the key {}", made, join(signatures));
}

/// The content key. Fills in its signature, and the salt that made it.
Fekek content_key(const std::vector<Volume>& enrolled, EnrollRequest& request, const Survey& survey,
                  KeySource& source) {
    Volume& volume = request.volume;
    const auto openers = request.expected ? std::set{request.expected->signature} : survey.openers();
    Fekek key = source.content_key(openers);
    volume.signature = key.signature;
    if (const auto salt = source.salt(); salt && *salt != content_salt) {
        volume.salt = to_hex(*salt);
    }
    if (!openers.empty() && !openers.contains(volume.signature)) {
        refuse_enrollment(formatted("wrong {}: {}, {} {}", source.noun(),
                                    right_key(request, formatted("{} was", volume.lower), openers),
                                    source.it_gives(), volume.signature));
    }
    for (const Volume& other : enrolled) {
        if (other.lower == volume.lower && other.signature != volume.signature) {
            refuse_enrollment(formatted("wrong {}: {} is enrolled as \"{}\" with the key {}, {} {}",
                                        source.noun(), volume.lower, other.name, other.signature,
                                        source.it_gives(), volume.signature));
        }
    }
    return key;
}

/// The filename key; nothing where the content key is also that. Fills in its signature.
std::optional<Fekek> filename_key(EnrollRequest& request, const Survey& survey, KeySource& source,
                                  const Fekek& content) {
    const auto& expected = request.expected;
    const auto openers = expected && expected->filename_signature ? std::set{*expected->filename_signature}
                                                                  : signatures_in(survey.filename_signatures);
    auto key = source.filename_key(content, openers);
    const std::string& signature = key ? key->signature : content.signature;
    request.volume.filename_signature = signature;
    if (!openers.empty() && !openers.contains(signature)) {
        refuse_enrollment(
            formatted("wrong {} for the file names: {}, {} {}", source.noun(),
                      right_key(request, formatted("those in {} were", request.volume.lower), openers),
                      source.it_gives(), signature),
            expected ? Advice{} : source.advice_for_names());
    }
    return key;
}

} // namespace

void check_expected_keys(const EnrollRequest& request, const Survey& survey) {
    if (!request.expected) {
        return;
    }
    const ExpectedKeys& expected = *request.expected;
    const std::string& lower = request.volume.lower;
    const Advice advice{.kind = AdviceKind::enroll_with_passphrase};
    const std::set<std::string> openers = survey.openers();
    if (!openers.empty() && !openers.contains(expected.signature)) {
        refuse_enrollment(formatted("{} names the key {}, but {} was made with the key {}", expected.said_by,
                                    expected.signature, lower, join(openers)),
                          advice);
    }
    const std::set<std::string> names = signatures_in(survey.filename_signatures);
    if (!expected.filename_signature) {
        if (!names.empty()) {
            refuse_enrollment(
                formatted("{} names no key for file names, but those in {} were made with the key {}",
                          expected.said_by, lower, join(names)),
                advice);
        }
        return;
    }
    const auto refuse_names = [&](const std::string& found) {
        refuse_enrollment(formatted("{} names the key {} for file names, but those in {} {}",
                                    expected.said_by, *expected.filename_signature, lower, found),
                          advice);
    };
    if (!names.empty() && !names.contains(*expected.filename_signature)) {
        refuse_names(formatted("were made with the key {}", join(names)));
    }
    if (names.empty() && survey.plain_names.count > 0) {
        refuse_names(formatted("are plain ({})", describe(survey.plain_names)));
    }
}

std::vector<Fekek> keys_for_volume(const std::vector<Volume>& enrolled, EnrollRequest& request,
                                   const Survey& survey, KeySource& source) {
    std::vector<Fekek> keys;
    keys.push_back(content_key(enrolled, request, survey, source));
    if (request.filename_encryption) {
        if (auto key = filename_key(request, survey, source, keys.front())) {
            keys.push_back(std::move(*key));
        }
    }
    return keys;
}

std::vector<Problem> settle_user_keys(Keyring& keyring, const KeyringKeys& keys,
                                      const std::vector<std::string>& signatures) {
    std::vector<Problem> warnings;
    for (const std::string& signature : signatures) {
        if (!keys.drop) {
            warnings.push_back(
                {.message = formatted("the user key {} is still in the keyring: it can be read there, and "
                                      "eCryptfs prefers it to the sealed one",
                                      signature),
                 .advice = {.kind = AdviceKind::unlink_user_key, .subject = signature}});
            continue;
        }
        try {
            keyring.drop_user_key(signature);
        } catch (const Error& error) {
            warnings.push_back({.message = formatted("the volume is enrolled, but {}", error.what()),
                                .advice = error.advice()});
        }
    }
    return warnings;
}

} // namespace sealmount
