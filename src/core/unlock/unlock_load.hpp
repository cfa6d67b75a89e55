// The part of the boot story in which a master key is in the kernel and volume keys are loaded under it.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/unlock/unlock.hpp"

#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace sealmount {

/// Are all keys of the volume in root's user keyring?
[[nodiscard]] bool is_loaded(Keyring& keyring, const Volume& volume);

/// The signatures of the volume for which root's user keyring holds a *user* key: eCryptfs takes that instead
/// of ours, and root can read it.
[[nodiscard]] std::vector<std::string> user_keys_in_the_way(Keyring& keyring, const Volume& volume);

/// Throws Error, as Store::key() does, when a key file of the volume is missing or damaged.
void check_key_files(const Store& store, const Volume& volume);

/// How a volume's keys were loaded, as loaded_by() of core/store/volume_state.hpp has it.
[[nodiscard]] std::string_view how_loaded(UnlockMethod method, MasterForm form) noexcept;

/// Loads the keys of the volume, and those of every other automatic volume under the same master key. On a
/// refusal, none of the volume's own that was loaded here stays. Throws Error when a key file of the volume
/// is missing or damaged.
[[nodiscard]] std::expected<Unlocked, MasterRefusal>
load_all(const UnlockContext& context, const Volume& volume, const KernelMaster& master, UnlockMethod method);

} // namespace sealmount
