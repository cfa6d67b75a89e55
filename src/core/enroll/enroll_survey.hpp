// What an enrollment takes from the lower directory, and what it refuses because of it.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/enroll/enroll.hpp"

#include <vector>

namespace sealmount {

/// Fills in cipher, key sizes, file-name encryption and the place of the metadata from what the lower
/// directory shows. Throws Error{refused} where the request contradicts it, since a volume mounted that way
/// would hide or garble its files, and where one passphrase cannot open them all. Returns warnings.
[[nodiscard]] std::vector<Problem> complete_from_survey(EnrollRequest& request, const Survey& survey);

} // namespace sealmount
