// What a lower directory says about the volume that made it, from a bounded sample of its files.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "base/advice.hpp"
#include "core/ecryptfs/lower_format.hpp"
#include "sys/files/sample_tree.hpp"

#include <map>
#include <set>
#include <string>

namespace sealmount {

/// How many files, or names, show something, and the first of them, relative to the lower directory.
struct Tally {
    std::size_t count = 0;
    std::string example; ///< printable: its control characters and what is not UTF-8 are "?"

    void add(const std::filesystem::path& name);
    bool operator==(const Tally&) const = default;
};

/// Everything that the sample shows. Each file is counted in one of in_header, in_attribute, empty, headless,
/// damaged, foreign and unreadable.
struct Survey {
    std::size_t files = 0;                    ///< that were looked at
    std::map<std::string, Tally> signatures;  ///< of passphrases: the files that each opens
    std::map<std::string, Tally> public_keys; ///< signatures of key pairs: the files that each opens
    std::map<CipherFacts, Tally> ciphers;     ///< of file contents
    std::map<unsigned, Tally> versions;       ///< of the file format
    std::map<std::string, Tally>
        filename_signatures;                       ///< the names that each opens, also those of directories
    std::map<CipherFacts, Tally> filename_ciphers; ///< key_bytes 0 where names do not give it

    Tally in_header;         ///< eCryptfs files with their metadata at their head
    Tally in_attribute;      ///< with it in the extended attribute: ecryptfs_xattr_metadata
    Tally empty;             ///< files of no bytes and without metadata: eCryptfs takes them for new
    Tally headless;          ///< encrypted names of files whose metadata is gone
    Tally damaged;           ///< the eCryptfs marker, but not what has to follow it
    Tally foreign;           ///< neither eCryptfs metadata nor an eCryptfs name: plaintext
    Tally unreadable;        ///< files and directories
    Tally plain_names;       ///< eCryptfs files whose name is not encrypted
    bool is_complete = true; ///< the sample is the whole directory

    [[nodiscard]] std::size_t encrypted_files() const { return in_header.count + in_attribute.count; }
    /// Nothing in it shows a key.
    [[nodiscard]] bool empty_of_keys() const { return encrypted_files() == 0 && filename_signatures.empty(); }
    /// The passphrases' keys that open each of the encrypted files by themselves.
    [[nodiscard]] std::set<std::string> openers() const;
    /// What most of the files are encrypted with.
    [[nodiscard]] std::optional<CipherFacts> main_cipher() const;
};

/// What enrolling looks at: enough to notice a directory of mixed origin, few enough for a full disk.
inline constexpr std::size_t survey_limit = 256;

[[nodiscard]] Survey survey(const TreeSample& sample);

/// The lower directory's, from up to `files` files. Throws Error when it cannot be read.
[[nodiscard]] Survey survey_of(const std::filesystem::path& lower, std::size_t files = survey_limit);

/// Why it cannot be one volume with one passphrase, and what else its owner should know.
struct SurveyProblems {
    std::vector<Problem> problems; ///< it cannot be enrolled
    std::vector<Problem> warnings;
};

/// `lower` is how the messages name the directory.
[[nodiscard]] SurveyProblems judge(const std::string& lower, const Survey& survey);

/// "1 file, a/b", "12 files, such as a/b"; or of another noun.
[[nodiscard]] std::string describe(const Tally& tally, const std::string& noun = "file");

} // namespace sealmount
