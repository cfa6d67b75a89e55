// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/enroll/enroll_survey.hpp"

#include "base/format.hpp"
#include "base/text.hpp"
#include "core/ecryptfs/ciphers.hpp"
#include "core/enroll/enroll_checks.hpp"
#include "core/volume/manifest_rules.hpp"

#include <algorithm>

namespace sealmount {

namespace {

constexpr unsigned default_key_bytes = 16; // what mount.ecryptfs offers first
constexpr const char* attribute_option = "ecryptfs_xattr_metadata";

std::string list(const std::map<CipherFacts, Tally>& ciphers) {
    std::vector<std::string> descriptions;
    for (const auto& [cipher, tally] : ciphers) {
        descriptions.push_back(describe(cipher));
    }
    return join(descriptions);
}

/// Of what the files are encrypted with, what was asked for; of several, what most are.
CipherFacts choose_cipher(const EnrollRequest& request, const Survey& survey) {
    const std::pair<const CipherFacts, Tally>* best = nullptr;
    for (const auto& entry : survey.ciphers) {
        const bool fits = entry.first.cipher == request.cipher.value_or(entry.first.cipher) &&
                          entry.first.key_bytes == request.key_bytes.value_or(entry.first.key_bytes);
        if (fits && (best == nullptr || entry.second.count > best->second.count)) {
            best = &entry;
        }
    }
    if (best == nullptr) {
        const CipherFacts main = survey.main_cipher().value();
        const CipherFacts requested{request.cipher.value_or(main.cipher),
                                    request.key_bytes.value_or(main.key_bytes)};
        refuse_enrollment(formatted("{} was made with {}, not with {}", request.volume.lower,
                                    list(survey.ciphers), describe(requested)),
                          {.kind = AdviceKind::leave_out_cipher});
    }
    return best->first;
}

void complete_cipher(EnrollRequest& request, const Survey& survey) {
    Volume& volume = request.volume;
    if (!survey.ciphers.empty()) {
        const CipherFacts found = choose_cipher(request, survey);
        if (const auto problem = problem_with_cipher(found.cipher, found.key_bytes)) {
            refuse_enrollment(formatted("{} was made with {}: {}", volume.lower, describe(found), *problem));
        }
        request.cipher = found.cipher;
        request.key_bytes = found.key_bytes;
    } else if (!survey.filename_ciphers.empty()) {
        // Directories only, say: a mount without other options has the same cipher for both.
        const CipherFacts& names = survey.filename_ciphers.begin()->first;
        request.cipher = request.cipher.value_or(names.cipher);
        if (!request.key_bytes && names.key_bytes == 0) {
            throw Error{
                Reason::usage,
                formatted("the file names in {} are encrypted with {}, but there is no file that shows "
                          "the key size",
                          volume.lower, names.cipher),
                {.kind = AdviceKind::give_key_bytes}};
        }
        request.key_bytes = request.key_bytes.value_or(names.key_bytes);
    }
    volume.cipher = request.cipher.value_or("aes");
    volume.key_bytes = request.key_bytes.value_or(default_key_bytes);
    if (const auto problem = problem_with_cipher(volume.cipher, volume.key_bytes)) {
        throw Error{Reason::usage, formatted("cipher and key size: {}", *problem)};
    }
}

void complete_names(EnrollRequest& request, const Survey& survey) {
    Volume& volume = request.volume;
    volume.filename_cipher = volume.cipher;
    volume.filename_key_bytes = volume.key_bytes;
    if (survey.filename_signatures.empty()) {
        if (request.filename_encryption && survey.plain_names.count > 0) {
            refuse_enrollment(
                formatted("{} has plain file names: with file-name encryption they would not be found",
                          volume.lower),
                {.kind = AdviceKind::leave_out_filename_encryption});
        }
        return;
    }
    request.filename_encryption = true;
    const CipherFacts& names = survey.filename_ciphers.begin()->first;
    volume.filename_cipher = names.cipher;
    if (names.key_bytes != 0) {
        volume.filename_key_bytes = names.key_bytes;
    }
    if (const auto problem = problem_with_cipher(volume.filename_cipher, volume.filename_key_bytes)) {
        refuse_enrollment(
            formatted("the file names in {} are encrypted with {}, and nothing shows the key size: that of "
                      "the contents would be used, but {}",
                      volume.lower, names.cipher, *problem));
    }
}

} // namespace

std::vector<Problem> complete_from_survey(EnrollRequest& request, const Survey& survey) {
    SurveyProblems found = judge(request.volume.lower, survey);
    if (!found.problems.empty()) {
        refuse_enrollment(found.problems.front().message, found.problems.front().advice);
    }
    complete_cipher(request, survey);
    complete_names(request, survey);
    std::vector<std::string>& options = request.volume.options;
    if (survey.in_attribute.count > 0 && std::ranges::find(options, attribute_option) == options.end()) {
        options.emplace_back(attribute_option);
    }
    return std::move(found.warnings);
}

} // namespace sealmount
