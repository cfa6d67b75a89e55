// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "app/output/survey_report.hpp"

#include "app/output/hints.hpp"
#include "base/format.hpp"
#include "base/strict_json.hpp"
#include "core/volume/manifest_rules.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cctype>
#include <filesystem>

namespace sealmount {

namespace {

constexpr const char* in_headers = "at the head of the files";
constexpr const char* in_attributes = "in the extended attribute user.ecryptfs (ecryptfs_xattr_metadata)";

Json to_json(const Tally& seen, const char* noun = "files") {
    return {{noun, seen.count}, {"example", seen.count == 0 ? Json(nullptr) : Json(seen.example)}};
}

Json with(Json fact, const Tally& seen, const char* noun = "files") {
    fact.update(to_json(seen, noun));
    return fact;
}

Json to_json(const CipherFacts& facts) {
    return {{"cipher", facts.cipher},
            {"key_bytes", facts.key_bytes == 0 ? Json(nullptr) : Json(facts.key_bytes)}};
}

Json signatures_json(const std::map<std::string, Tally>& signatures, const char* noun = "files") {
    Json list = Json::array();
    for (const auto& [signature, seen] : signatures) {
        list.push_back(with({{"signature", signature}}, seen, noun));
    }
    return list;
}

Json ciphers_json(const std::map<CipherFacts, Tally>& ciphers, const char* noun = "files") {
    Json list = Json::array();
    for (const auto& [cipher, seen] : ciphers) {
        list.push_back(with(to_json(cipher), seen, noun));
    }
    return list;
}

/// A word of a command line, as a shell has to be given it.
std::string shell_word(const std::string& word) {
    const auto is_plain = [](const unsigned char c) {
        return std::isalnum(c) != 0 ||
               std::string_view{"/._-+:@%"}.find(static_cast<char>(c)) != std::string_view::npos;
    };
    if (std::ranges::all_of(word, is_plain)) {
        return word;
    }
    std::string quoted = "'";
    for (const char c : word) {
        quoted += c == '\'' ? std::string{"'\\''"} : std::string{c};
    }
    return formatted("{}'", quoted);
}

/// For /srv/.vault the volume "vault" on /srv/vault; where the name does not offer one, NAME and DIR.
std::string enroll_command(const std::string& directory, const Survey& survey) {
    const std::filesystem::path path{directory};
    const std::string leaf = path.filename().string();
    std::string name = "NAME";
    std::string mountpoint = "DIR";
    if (leaf.starts_with('.') && !problem_with_name(leaf.substr(1))) {
        name = leaf.substr(1);
        mountpoint = (path.parent_path() / name).string();
    }
    const bool needs_size = survey.ciphers.empty() && !survey.filename_ciphers.empty() &&
                            survey.filename_ciphers.begin()->first.key_bytes == 0;
    return formatted("sealmount enroll {} --lower {} --mountpoint {}{}", name, shell_word(directory),
                     shell_word(mountpoint), (needs_size ? " --key-bytes N" : ""));
}

/// Builds aligned lines: what it is about, and a sentence.
class Lines {
  public:
    void add(const std::string& label, const std::string& text) {
        constexpr std::size_t width = 12;
        const std::string shown = label == last_ ? "" : label;
        lines_.push_back(
            formatted("  {}{}{}", shown, std::string(width - std::min(width, shown.size()), ' '), text));
        last_ = label;
    }
    void add_plain(const std::string& line) { lines_.push_back(line); }
    [[nodiscard]] std::vector<std::string> take() { return std::move(lines_); }

  private:
    std::vector<std::string> lines_;
    std::string last_;
};

void add_keys(Lines& lines, const Survey& survey) {
    const auto opens = [&](const Tally& seen) {
        return seen.count == survey.encrypted_files() ? "opens every eCryptfs file"
                                                      : formatted("opens {}", describe(seen));
    };
    for (const auto& [signature, seen] : survey.signatures) {
        lines.add("key", formatted("{} {}", signature, opens(seen)));
    }
    for (const auto& [signature, seen] : survey.public_keys) {
        lines.add("public key", formatted("{} {}", signature, opens(seen)));
    }
    for (const auto& [cipher, seen] : survey.ciphers) {
        lines.add("cipher",
                  describe(cipher) + (survey.ciphers.size() == 1 ? "" : formatted(": {}", describe(seen))));
    }
}

void add_names(Lines& lines, const Survey& survey) {
    for (const auto& [signature, seen] : survey.filename_signatures) {
        lines.add("file names", formatted("encrypted with the key {}{}", signature,
                                          (survey.filename_signatures.size() == 1
                                               ? ""
                                               : formatted(": {}", describe(seen, "name")))));
    }
    for (const auto& [cipher, seen] : survey.filename_ciphers) {
        lines.add("file names",
                  describe(cipher) +
                      (survey.filename_ciphers.size() == 1 ? "" : formatted(": {}", describe(seen, "name"))));
    }
    if (survey.plain_names.count > 0) {
        lines.add("file names", survey.filename_signatures.empty()
                                    ? "plain"
                                    : formatted("plain: {}", describe(survey.plain_names)));
    }
}

void add_metadata(Lines& lines, const Survey& survey) {
    const bool both = survey.in_header.count > 0 && survey.in_attribute.count > 0;
    for (const auto& [seen, place] :
         {std::pair{&survey.in_header, in_headers}, std::pair{&survey.in_attribute, in_attributes}}) {
        if (seen->count > 0) {
            lines.add("metadata", place + (both ? formatted(": {}", describe(*seen)) : std::string{}));
        }
    }
    for (const auto& [version, seen] : survey.versions) {
        lines.add("format",
                  formatted("version {}{}", version,
                            (survey.versions.size() == 1 ? "" : formatted(": {}", describe(seen)))));
    }
}

} // namespace

Json survey_json(const std::string& directory, const Survey& survey, const SurveyProblems& severity) {
    Json versions = Json::array();
    for (const auto& [version, seen] : survey.versions) {
        versions.push_back(with({{"version", version}}, seen));
    }
    const bool is_possible = severity.problems.empty();
    return {{"directory", directory},
            {"files", survey.files},
            {"complete", survey.is_complete},
            {"encrypted_files", survey.encrypted_files()},
            {"signatures", signatures_json(survey.signatures)},
            {"public_keys", signatures_json(survey.public_keys)},
            {"ciphers", ciphers_json(survey.ciphers)},
            {"format_versions", versions},
            {"filename_signatures", signatures_json(survey.filename_signatures, "names")},
            {"filename_ciphers", ciphers_json(survey.filename_ciphers, "names")},
            {"plain_names", to_json(survey.plain_names)},
            {"metadata_in_header", to_json(survey.in_header)},
            {"metadata_in_attribute", to_json(survey.in_attribute)},
            {"empty", to_json(survey.empty)},
            {"headless", to_json(survey.headless)},
            {"damaged", to_json(survey.damaged)},
            {"foreign", to_json(survey.foreign)},
            {"unreadable", to_json(survey.unreadable, "entries")},
            {"enroll", is_possible ? Json(enroll_command(directory, survey)) : Json(nullptr)},
            {"problems", with_hints(severity.problems)},
            {"warnings", with_hints(severity.warnings)}};
}

std::vector<std::string> survey_lines(const std::string& directory, const Survey& survey,
                                      const SurveyProblems& severity) {
    Lines lines;
    lines.add_plain(directory);
    const std::string more = survey.is_complete ? "" : "; there is more, --files N looks at N";
    const std::string encrypted = survey.files == survey.encrypted_files()
                                      ? ""
                                      : formatted("; {} of them eCryptfs files", survey.encrypted_files());
    lines.add("looked at",
              formatted("{} {}{}{}", survey.files, survey.files == 1 ? "file" : "files", more, encrypted));
    add_keys(lines, survey);
    add_names(lines, survey);
    add_metadata(lines, survey);
    if (survey.empty.count > 0) {
        lines.add("empty",
                  formatted("{}: of no bytes, which eCryptfs takes for new", describe(survey.empty)));
    }
    for (const std::string& problem : with_hints(severity.problems)) {
        lines.add("problem", problem);
    }
    for (const std::string& warning : with_hints(severity.warnings)) {
        lines.add("warning", warning);
    }
    if (!severity.problems.empty()) {
        lines.add_plain("It cannot be enrolled as it is.");
        return lines.take();
    }
    lines.add_plain(
        survey.empty_of_keys()
            ? "Nothing in it shows a key: any passphrase would make a new volume of it. To enroll it:"
            : "To enroll it, with the passphrase of this key:");
    lines.add_plain(formatted("  {}", enroll_command(directory, survey)));
    return lines.take();
}

} // namespace sealmount
