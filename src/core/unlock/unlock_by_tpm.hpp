// The part of the boot story in which the TPM is asked for the master key, with the PIN of a person where
// only that helps.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/unlock/unlock.hpp"

#include <expected>

namespace sealmount {

/// Loads the volume's keys with one unseal of its master key, unless they are there, or come with another
/// volume's unlock. Accidents on the way are refusals as well: files_unusable or tpm_failed.
[[nodiscard]] std::expected<Unlocked, MasterRefusal> unlock_by_tpm(const UnlockContext& context,
                                                                   const Volume& volume);

} // namespace sealmount
