// One enrollment as a person asks for it: what `sealmount enroll` does for its volume, for each of a batch,
// and what the import verbs do for what they find.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "app/options/globals.hpp"
#include "app/options/key_options.hpp"
#include "app/options/policy_options.hpp"
#include "app/options/recovery_options.hpp"
#include "base/strict_json.hpp"

#include <memory>
#include <string>
#include <vector>

namespace sealmount {

/// The command line as it was written, or the same from a list of volumes.
struct EnrollOptions {
    EnrollRequest request; ///< with the volume's name, paths and flags; what is below goes into it
    PolicyOptions policy;
    NewRecoveryOptions recovery;
    KeyOptions keys;
    bool no_guard = false;
    std::string cipher;
    unsigned key_bytes = 0;
    unsigned timeout = 90;
    bool required = false;
    bool quiet = false;
    bool one_of_many = false; ///< others report progress, and what concerns all is not said for each
};

struct EnrollOutcome {
    Enrolled enrolled;
    std::vector<std::string> warnings;
    std::unique_ptr<NewRecoveryKey> recovery; ///< not handed over yet; nothing when there is none
};

/// The options that a volume of its own and a batch have in common.
void add_enroll_options(Arguments& verb, EnrollOptions& options);

/// Asks what has to be asked, and enrolls. Warnings go to standard error unless --json has them in its
/// document. Throws Error.
[[nodiscard]] EnrollOutcome enroll_volume(const EnrollOptions& options, const Globals& globals,
                                          const Machine& machine);

[[nodiscard]] Json to_json(const EnrollOutcome& outcome);

/// The storage root key that a new master key is sealed under, and who knows it.
void print_srk(const Enrolled& enrolled);

/// What was done, for people, with the advice that goes with it.
void print_outcome(const EnrollOptions& options, const EnrollOutcome& outcome, const Globals& globals);

/// Hands a new recovery key to its owner, or says why there is none.
void report_recovery_key(const EnrollOptions& options, EnrollOutcome& outcome, const Globals& globals);

} // namespace sealmount
