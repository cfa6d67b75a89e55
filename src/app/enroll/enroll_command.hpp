// One enrolment as a person asks for it: what `sealmount enroll` does for its volume, for each of a batch,
// and what the import verbs do for what they find.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "app/options/key_options.hpp"
#include "app/options/policy_options.hpp"
#include "app/options/recovery_options.hpp"
#include "app/options/verbs.hpp"
#include "base/strict_json.hpp"

#include <memory>
#include <string>
#include <vector>

namespace sealmount {

/// The command line as it was written, or the same from a list.
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
    bool one_of_many =
        false; ///< progress is told by somebody else, and what is said of all is not said of each
};

struct EnrollOutcome {
    Enrolled enrolled;
    std::vector<std::string> warnings;
    std::unique_ptr<NewRecoveryKey> recovery; ///< not handed over yet; nothing when there is none
};

/// The options that a volume of its own and a batch have in common.
void add_enroll_options(CLI::App& verb, EnrollOptions& words);

/// Asks what has to be asked, and enrols. Warnings go to standard error unless --json has them in its
/// document. Throws Error.
[[nodiscard]] EnrollOutcome enroll_volume(EnrollOptions words, const Globals& globals);

[[nodiscard]] Json to_json(const EnrollOutcome& outcome);

/// What was done, for people, with the advice that goes with it.
void print_outcome(const EnrollOptions& words, const EnrollOutcome& outcome, const Globals& globals);

/// A new recovery key gets to its owner, or it is told why there is none.
void tell_recovery_key(const EnrollOptions& words, EnrollOutcome& outcome, const Globals& globals);

} // namespace sealmount
