// The store as evidence: which keys are under a master key, and is what a slot released the master key of the
// store (core/master/store_proof.hpp)?
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/master/master_unlock.hpp"
#include "core/master/store_proof.hpp"
#include "core/store/store.hpp"

#include <string>
#include <string_view>

namespace sealmount {

/// The texts of all key files that say that they are under this master key, whether a volume has them or not.
/// Files that cannot be read, or are not texts of keys, are left out.
[[nodiscard]] KeyTexts texts_under(const Store& store, std::string_view master);

/// Those of one volume; without keys under another master key. Throws Error, as Store::key() does, when a key
/// file is missing or damaged.
[[nodiscard]] KeyTexts texts_of(const Store& store, const Volume& volume);

/// For UnsealRequest::problem where the master key comes to userspace, and is to be used for more than
/// loading keys: file and all keys must be right. Refers to `file`.
[[nodiscard]] std::function<std::optional<Refusal>(const SecretBytes*)>
check_of_store(const Store& store, const std::string& name, const MasterFile& file);

/// For UnsealRequest::problem of an unlock, in either form. Refers to `file` and `keyring`.
[[nodiscard]] std::function<std::optional<Refusal>(const SecretBytes*)>
check_for_unlock(const Store& store, const Volume& volume, const MasterFile& file, Keyring& keyring);

/// Proves the file with its master key and with all keys that are under it in the store, and writes it.
void write_proved(const Store& store, const std::string& name, MasterFile& file, const SecretBytes& master);

} // namespace sealmount
