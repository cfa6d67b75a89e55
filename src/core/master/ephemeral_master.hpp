// Loading keys that come from a passphrase: under a master key that exists for this moment only.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/ecryptfs/passphrase.hpp"
#include "sys/keyring/keyring.hpp"

#include <expected>
#include <vector>

namespace sealmount {

/// Loads those keys that are not there yet into root's user keyring, so that no readable key stays behind. A
/// refusal may leave some of them loaded.
[[nodiscard]] std::expected<void, Refusal> load_under_ephemeral_master(Keyring& keyring,
                                                                       const std::vector<Fekek>& keys);

} // namespace sealmount
