// What the verbs have in common that take over other people's set-ups: they show what they found, ask, and
// enrol one volume after the other; one that is refused does not keep the others.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "app/enroll/enroll_command.hpp"

#include <nlohmann/json.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace sealmount {

/// The command line as it was written.
struct ImportOptions {
    EnrollOptions enroll; ///< for all volumes
    bool show = false;
    bool yes = false;
};

/// --show, --yes, --passphrase-file (`passphrase_help` says whose; not where that is ""), --master, and the
/// options of policies and recovery keys.
void add_import_options(CLI::App& verb, ImportOptions& words, const std::string& passphrase_help);

/// One run of such a verb: begin() when all is found and shown, enroll() for each volume, refuse() for what
/// cannot be one, and end().
class ImportRun {
  public:
    /// `source` stands before each refusal on standard error, "SOURCE: "; "" for nothing. What is referred to
    /// must outlive it.
    ImportRun(const ImportOptions& words, const Globals& globals, std::string source)
        : words_(words), globals_(globals), source_(std::move(source)) {}

    /// Is anything to be enrolled? Not with --show, nor when nothing was found. Asks the person at the
    /// terminal, unless --yes; throws Error{usage} when nobody confirms.
    [[nodiscard]] bool begin(std::size_t count) const;

    /// The words for a volume that was found: what was said for all, and what the volume's own set-up asks
    /// for. Its keys are the caller's to name.
    [[nodiscard]] EnrollOptions words_for(const EnrollRequest& request) const;

    /// Enrols, and tells people about it; a refusal is noted as that of `place`, "" where there is one only.
    /// Is it enrolled now?
    bool enroll(const EnrollOptions& words, const std::string& place);

    /// Tells of something that is not enrolled. `name` may be "" where no volume came out of it.
    void refuse(const std::string& name, const std::string& message, Reason reason);

    /// How many volumes are enrolled now, those that were already among them.
    [[nodiscard]] std::size_t enrolled() const { return enrolled_.size(); }

    /// With --json prints the document: `found` under its name, "enrolled", "refused". The exit code: that of
    /// the first that was refused.
    [[nodiscard]] int end(const char* found_name, Json found) const;

  private:
    const ImportOptions& words_;
    const Globals& globals_;
    std::string source_;
    Json enrolled_ = Json::array();
    Json refused_ = Json::array();
    int exit_code_ = 0;
};

/// What the volume will have of the set-up's options, and what it will not; a line each, for people.
void print_options(const Volume& volume, const std::vector<std::string>& dropped);

} // namespace sealmount
