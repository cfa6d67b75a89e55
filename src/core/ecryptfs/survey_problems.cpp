// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/ecryptfs/survey.hpp"

#include "base/format.hpp"
#include "base/text.hpp"
#include "core/ecryptfs/ciphers.hpp"

namespace sealmount {

namespace {

std::string name_of(const std::string& signature) {
    return signature;
}

std::string name_of(const CipherFacts& facts) {
    return describe(facts);
}

/// "WHAT (12 files, such as a), WHAT (1 file, b)"
template<typename Fact>
std::string list(const std::map<Fact, Tally>& facts, const std::string& noun = "file") {
    std::vector<std::string> parts;
    for (const auto& [fact, tally] : facts) {
        parts.push_back(formatted("{} ({})", name_of(fact), describe(tally, noun)));
    }
    return join(parts);
}

class Judge {
  public:
    Judge(const std::string& lower, const Survey& survey) : lower_(lower), survey_(survey) {}

    SurveyProblems run() {
        look_at_keys();
        look_at_ciphers();
        look_at_names();
        if (survey_.empty_of_keys()) {
            look_for_any();
        } else {
            look_at_the_rest();
        }
        return std::move(result_);
    }

  private:
    void problem(std::string message) { result_.problems.push_back({.message = std::move(message)}); }
    void warn(std::string message, Advice advice = {}) {
        result_.warnings.push_back({.message = std::move(message), .advice = std::move(advice)});
    }

    void look_at_keys() {
        const std::set<std::string> openers = survey_.openers();
        if (survey_.encrypted_files() > 0 && openers.empty()) {
            if (survey_.signatures.empty()) {
                problem(formatted(
                    "{} was made with a public key, {}: only volumes with a passphrase can be taken "
                    "over; copy the files into one",
                    lower_, list(survey_.public_keys)));
            } else {
                std::map<std::string, Tally> all = survey_.signatures;
                all.insert(survey_.public_keys.begin(), survey_.public_keys.end());
                problem(
                    formatted("{} holds files of several keys: {}: one volume has one passphrase; move the "
                              "files of each key into a directory of their own",
                              lower_, list(all)));
            }
        } else if (openers.size() > 1) {
            warn(formatted(
                "each file in {} opens with any of the keys {}; new files will open only with the one "
                "that is enrolled",
                lower_, join(openers)));
        }
    }

    void look_at_ciphers() {
        const auto main = survey_.main_cipher();
        const auto cipher_problem = main ? problem_with_cipher(main->cipher, main->key_bytes) : std::nullopt;
        if (cipher_problem) {
            problem(formatted("{} was made with {} ({}), which no mount can name: {}", lower_,
                              describe(*main), describe(survey_.ciphers.at(*main)), *cipher_problem));
        }
        if (survey_.ciphers.size() > 1) {
            warn(formatted(
                     "{} holds files of several ciphers or key sizes: {}: all of them open; new files get {}",
                     lower_, list(survey_.ciphers), describe(*main)),
                 {AdviceKind::choose_cipher});
        }
    }

    void look_at_names() {
        if (survey_.filename_signatures.size() > 1) {
            problem(
                formatted("the file names in {} were encrypted with several keys: {}: one volume has one key "
                          "for names; move those of each key into a directory of their own",
                          lower_, list(survey_.filename_signatures, "name")));
        }
        if (survey_.filename_ciphers.size() > 1) {
            problem(formatted(
                "the file names in {} were encrypted with several ciphers or key sizes: {}: a mount "
                "finds the names of one of them only; move those of each into a directory of "
                "their own",
                lower_, list(survey_.filename_ciphers, "name")));
        }
    }

    void look_for_any() {
        if (survey_.damaged.count > 0) {
            problem(formatted(
                "{} does not hold a whole eCryptfs file: the metadata of {}, is damaged, or of a later "
                "version: restore the directory from a backup",
                lower_, describe(survey_.damaged)));
        } else if (survey_.foreign.count > 0) {
            problem(
                formatted("{} holds files, but none that eCryptfs wrote ({}): is this the lower directory "
                          "(with the encrypted files)?",
                          lower_, describe(survey_.foreign)));
        } else if (survey_.unreadable.count > 0) {
            problem(formatted("what is in {} cannot be read ({}): look at its permissions, and at the disk",
                              lower_, describe(survey_.unreadable, "entry")));
        }
    }

    void look_at_the_rest() {
        if (survey_.in_header.count > 0 && survey_.in_attribute.count > 0) {
            warn(formatted(
                "the metadata of {}, is in extended attributes, that of {}, in headers: the volume is "
                "mounted with ecryptfs_xattr_metadata, which reads both, and gives new files the "
                "attribute",
                describe(survey_.in_attribute), describe(survey_.in_header)));
        }
        if (survey_.plain_names.count > 0 && !survey_.filename_signatures.empty()) {
            warn(formatted(
                "{} has encrypted and plain file names ({}): with file-name encryption the plain ones "
                "are not shown; move them away",
                lower_, describe(survey_.plain_names)));
        }
        if (survey_.foreign.count > 0) {
            warn(formatted(
                "{} holds foreign files, which eCryptfs did not write ({}): they cannot be read in the "
                "volume; move them away, or mount with the option ecryptfs_passthrough",
                lower_, describe(survey_.foreign)));
        }
        if (survey_.headless.count > 0) {
            warn(formatted(
                "there are encrypted names of files without metadata in {} ({}): nothing opens them; if "
                "they were copied without their extended attributes, copy them again with them",
                lower_, describe(survey_.headless)));
        }
        if (survey_.damaged.count > 0) {
            warn(formatted(
                "there are files in {} whose metadata is damaged, or of a later version ({}): nothing "
                "opens them; restore them from a backup",
                lower_, describe(survey_.damaged)));
        }
        if (survey_.unreadable.count > 0) {
            warn(formatted(
                "not all of {} can be read ({}), and nothing is known of that: look at its permissions, "
                "and at the disk",
                lower_, describe(survey_.unreadable, "entry")));
        }
    }

    const std::string& lower_;
    const Survey& survey_;
    SurveyProblems result_;
};

} // namespace

std::string describe(const Tally& tally, const std::string& noun) {
    if (tally.count == 1) {
        return formatted("1 {}, {}", noun, tally.example);
    }
    const std::string plural = noun.ends_with('y') ? noun.substr(0, noun.size() - 1) + "ies" : noun + "s";
    const std::string number = formatted("{} {}", tally.count, plural);
    return tally.count == 0 ? number : formatted("{}, such as {}", number, tally.example);
}

SurveyProblems judge(const std::string& lower, const Survey& survey) {
    return Judge{lower, survey}.run();
}

} // namespace sealmount
