// Rotation: a new master key in place of an old one that the TPM still releases.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/slots/renewal.hpp"

namespace sealmount {

/// A new master key with a slot for each lasting one of the old, sealed to the same policy; every key is
/// encrypted again under it. The slots of recovery keys cannot be made again without them: the new master key
/// has one for `recovery_key`, the old one or a new one, or none. Slots with a PIN are left out when nobody
/// gives it. Throws Error; nothing was changed then.
Renewed rotate(const SlotContext& context, OpenMaster master, const SecretBytes* recovery_key = nullptr);

} // namespace sealmount
