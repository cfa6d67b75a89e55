// The part of the boot story in which somebody has answered: with the passphrase of a volume, or with the
// recovery key of its master key.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/unlock/unlock.hpp"
#include "core/unlock/volume_keys.hpp"

#include <expected>
#include <optional>

namespace sealmount {

/// How an answer ends the unlock: the volume is open, or it cannot be opened. Nothing: the story goes on.
using Outcome = std::optional<std::expected<Unlocked, Refusal>>;

/// Loads what the answer opens. One that reads as a recovery key is tried as one first: it opens every
/// automatic volume under the master key. A passphrase opens its own volume, together with what `answered`
/// has already, where file names have a passphrase of their own; it is added there. `method` is that of a
/// passphrase: typed, or from the credential. With "rebind_after_recovery" the master key is then bound to
/// the present state; what prevents that is reported to the observer.
[[nodiscard]] Outcome try_answer(const UnlockContext& context, const Volume& volume,
                                 const SecretBytes& answer, UnlockMethod method, AnsweredKeys& answered);

} // namespace sealmount
