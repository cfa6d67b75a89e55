// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/ecryptfs/survey.hpp"

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
    std::string text;
    for (const auto& [fact, seen] : facts) {
        text += (text.empty() ? "" : ", ") + name_of(fact) + " (" + describe(seen, noun) + ")";
    }
    return text;
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
        return std::move(severity_);
    }

  private:
    void problem(const std::string& sentence) { severity_.problems.push_back(sentence); }
    void warn(const std::string& sentence) { severity_.warnings.push_back(sentence); }

    void look_at_keys() {
        const std::set<std::string> openers = survey_.openers();
        if (survey_.encrypted_files() > 0 && openers.empty()) {
            if (survey_.signatures.empty()) {
                problem(lower_ + " was made with a public key, " + list(survey_.public_keys) +
                        ": only volumes with a passphrase can be taken over; copy the files into one");
            } else {
                std::map<std::string, Tally> all = survey_.signatures;
                all.insert(survey_.public_keys.begin(), survey_.public_keys.end());
                problem(lower_ + " holds files of several keys: " + list(all) +
                        ": one volume has one passphrase; move the files of each key into a directory of "
                        "their own");
            }
        } else if (openers.size() > 1) {
            warn("each file in " + lower_ + " opens with any of the keys " + join(openers) +
                 "; new files will open only with the one that is enrolled");
        }
    }

    void look_at_ciphers() {
        const auto main = survey_.main_cipher();
        const auto refused = main ? problem_with_cipher(main->cipher, main->key_bytes) : std::nullopt;
        if (refused) {
            problem(lower_ + " was made with " + describe(*main) + " (" +
                    describe(survey_.ciphers.at(*main)) + "), which no mount can name: " + *refused);
        }
        if (survey_.ciphers.size() > 1) {
            warn(lower_ + " holds files of several ciphers or key sizes: " + list(survey_.ciphers) +
                 ": all of them open; new files get " + describe(*main) +
                 ", unless --cipher and --key-bytes choose another one of these");
        }
    }

    void look_at_names() {
        if (survey_.filename_signatures.size() > 1) {
            problem("the file names in " + lower_ +
                    " were encrypted with several keys: " + list(survey_.filename_signatures, "name") +
                    ": one volume has one key for names; move those of each key into a directory of their "
                    "own");
        }
        if (survey_.filename_ciphers.size() > 1) {
            problem("the file names in " + lower_ + " were encrypted with several ciphers or key sizes: " +
                    list(survey_.filename_ciphers, "name") +
                    ": a mount finds the names of one of them only; move those of each into a directory of "
                    "their own");
        }
    }

    void look_for_any() {
        if (survey_.damaged.count > 0) {
            problem(lower_ + " holds no whole file of eCryptfs: the metadata of " +
                    describe(survey_.damaged) +
                    ", is damaged, or of a later version: restore the directory from a backup");
        } else if (survey_.foreign.count > 0) {
            problem(lower_ + " holds files, but none that eCryptfs wrote (" + describe(survey_.foreign) +
                    "): is this the lower directory (with the encrypted files)?");
        } else if (survey_.unreadable.count > 0) {
            problem("what is in " + lower_ + " cannot be read (" + describe(survey_.unreadable, "entry") +
                    "): look at its permissions, and at the disk");
        }
    }

    void look_at_the_rest() {
        if (survey_.in_header.count > 0 && survey_.in_attribute.count > 0) {
            warn("the metadata of " + describe(survey_.in_attribute) +
                 ", lies in extended attributes, that of " + describe(survey_.in_header) +
                 ", in headers: the volume is mounted with ecryptfs_xattr_metadata, which reads both, and "
                 "gives new files the attribute");
        }
        if (survey_.plain_names.count > 0 && !survey_.filename_signatures.empty()) {
            warn(lower_ + " has encrypted and plain file names (" + describe(survey_.plain_names) +
                 "): with file-name encryption the plain ones do not show; move them away");
        }
        if (survey_.foreign.count > 0) {
            warn(lower_ + " holds foreign files, which eCryptfs did not write (" + describe(survey_.foreign) +
                 "): they cannot be read in the volume; move them away, or mount with the option "
                 "ecryptfs_passthrough");
        }
        if (survey_.headless.count > 0) {
            warn("there are encrypted names of files without metadata in " + lower_ + " (" +
                 describe(survey_.headless) +
                 "): nothing opens them; if they were copied without their extended attributes, copy them "
                 "anew with them");
        }
        if (survey_.damaged.count > 0) {
            warn("there are files in " + lower_ + " whose metadata is damaged, or of a later version (" +
                 describe(survey_.damaged) + "): nothing opens them; restore them from a backup");
        }
        if (survey_.unreadable.count > 0) {
            warn("not all of " + lower_ + " can be read (" + describe(survey_.unreadable, "entry") +
                 "), and nothing is known of that: look at its permissions, and at the disk");
        }
    }

    const std::string& lower_;
    const Survey& survey_;
    SurveyProblems severity_;
};

} // namespace

std::string describe(const Tally& seen, const std::string& noun) {
    if (seen.count == 1) {
        return "1 " + noun + ", " + seen.example;
    }
    const std::string many = noun.ends_with('y') ? noun.substr(0, noun.size() - 1) + "ies" : noun + "s";
    return std::to_string(seen.count) + " " + many + (seen.count == 0 ? "" : ", such as " + seen.example);
}

SurveyProblems judge(const std::string& lower, const Survey& survey) {
    return Judge{lower, survey}.run();
}

} // namespace sealmount
