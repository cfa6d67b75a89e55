// The part of the boot story in which somebody has answered: with the passphrase of a volume, or with the
// recovery key of its master key.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/unlock/unlock.hpp"
#include "core/unlock/volume_keys.hpp"

#include <expected>
#include <optional>

namespace sealmount {

/// Loads what the answer opens. One that reads as a recovery key is tried as one first: it opens every
/// automatic volume under the master key. A passphrase opens its own volume, together with what `answered`
/// has already, where file names have a passphrase of their own; it is added there. Nothing when that opens
/// nothing. `way` is that of a passphrase: typed, or from the credential. With "rebind_after_recovery" the
/// master key is then bound to the present state; what keeps it from that is told to the observer.
[[nodiscard]] std::expected<std::optional<Unlocked>, Refusal>
try_answer(const UnlockContext& context, const Volume& volume, const SecretBytes& answer, UnlockMethod way,
           AnsweredKeys& answered);

} // namespace sealmount
