// Where the keys of an enrollment come from, and whether they are those of the lower directory.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/ecryptfs/key_source.hpp"
#include "core/enroll/enroll.hpp"

#include <string>
#include <vector>

namespace sealmount {

/// Do the lower directory's files ask for the keys that the request expects, if it does? Throws
/// Error{refused} naming both signatures, before anybody types a passphrase.
void check_expected_keys(const EnrollRequest& request, const Survey& survey);

/// The keys for this volume: the content key, then the filename key where it is another one. Fills in the
/// volume's signatures. Throws Error{refused} naming both signatures when the key did not make this
/// directory, or differs from that of one of the `enrolled` volumes on the same directory.
[[nodiscard]] std::vector<Fekek> keys_for_volume(const std::vector<Volume>& enrolled, EnrollRequest& request,
                                                 const Survey& survey, KeySource& source);

/// Drops the *user* keys that the volume's keys were taken from, if that was asked for; to be called once the
/// manifest is written. Returns a warning for each that stays: eCryptfs prefers it to ours, and it can be
/// read.
[[nodiscard]] std::vector<Problem> settle_user_keys(Keyring& keyring, const KeyringKeys& keys,
                                                    const std::vector<std::string>& signatures);

} // namespace sealmount
