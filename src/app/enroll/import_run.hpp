// What the verbs have in common that take over the setups of other programs: they show what they found, ask,
// and enroll one volume after the other; one that is refused does not stop the others.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
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
void add_import_options(Arguments& verb, ImportOptions& options, const std::string& passphrase_help);

/// One run of such a verb: begin() when all is found and shown, enroll() for each volume, refuse() for what
/// cannot be one, and end().
class ImportRun {
  public:
    /// `source` stands before each refusal on standard error, "SOURCE: "; "" for nothing. What is referred to
    /// must outlive it.
    ImportRun(const ImportOptions& options, const Globals& globals, const Machine& machine,
              std::string source)
        : options_(options), globals_(globals), machine_(machine), source_(std::move(source)) {}

    /// Is anything to be enrolled? Not with --show, nor when nothing was found. Asks the person at the
    /// terminal, unless --yes; throws Error{usage} when nobody confirms.
    [[nodiscard]] bool begin(std::size_t count) const;

    /// The options for a volume that was found: what was given for all, and what the volume's own setup asks
    /// for. The caller names its keys.
    [[nodiscard]] EnrollOptions options_for(const EnrollRequest& request) const;

    /// Enrolls, and reports it; a refusal is noted as that of `place`, "" where there is one only.
    /// Is it enrolled now?
    bool enroll(const EnrollOptions& options, const std::string& place);

    /// Reports something that is not enrolled. `name` may be "" where no volume came out of it.
    void refuse(const std::string& name, const Error& error);

    /// How many volumes are enrolled now, those that were already among them.
    [[nodiscard]] std::size_t enrolled() const { return enrolled_.size(); }

    /// With --json prints the document: `found` under its name, "enrolled", "refused". The exit code: that of
    /// the first that was refused.
    [[nodiscard]] int end(const char* found_name, Json found) const;

  private:
    const ImportOptions& options_;
    const Globals& globals_;
    const Machine& machine_;
    std::string source_;
    Json enrolled_ = Json::array();
    Json refused_ = Json::array();
    int exit_code_ = 0;
};

/// Which of the setup's options the volume will have, and which not; a line each, for people.
void print_options(const Volume& volume, const std::vector<std::string>& dropped);

} // namespace sealmount
