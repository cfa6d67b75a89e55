// What an enrolment must know about the machine, the lower directory and the passphrase before it writes.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/enroll.hpp"
#include "core/passphrase.hpp"

#include <string>
#include <vector>

namespace sealmount {

/// How many lower files are looked at: enough to notice a directory of mixed origin, few enough for a full
/// disk.
inline constexpr std::size_t survey_limit = 256;

/// Throws unless name, mount point and lower directory fit the manifest as it is and the machine as it
/// stands.
void check_against_manifest(const Store& store, const Volume& volume);
void check_directories(const Store& store, const Volume& volume);

/// Fills in cipher, key sizes and file-name encryption from what the lower directory shows; throws
/// Error{refused} where the request contradicts it, since a volume mounted that way would hide or garble its
/// files.
void complete_from_survey(EnrollRequest& request, const Survey& survey);

/// The keys that the passphrase makes for this volume: the content key, then the filename key where it is
/// another one. Fills in the volume's signatures. Throws Error{refused} naming both signatures when the
/// passphrase did not make this directory, or another one than an enrolled volume of the same directory has.
[[nodiscard]] std::vector<Fekek> keys_for_volume(const Store& store, EnrollRequest& request,
                                                 const Survey& survey, const SecretBytes& passphrase);

/// What people should know about the PCRs they chose.
[[nodiscard]] std::vector<std::string> warnings_about(const PcrPolicy& policy);

} // namespace sealmount
