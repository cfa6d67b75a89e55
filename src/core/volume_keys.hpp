// The keys that a passphrase makes for a volume.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/manifest.hpp"
#include "core/passphrase.hpp"

#include <vector>

namespace sealmount {

/// One, or two with a filename key of its own; empty when the passphrase is not the volume's.
[[nodiscard]] std::vector<Fekek> keys_from_passphrase(const Volume& volume, const SecretBytes& passphrase);

} // namespace sealmount
