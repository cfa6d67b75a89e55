// The authentication token that eCryptfs keeps in a *user* key: what ecryptfs-add-passphrase(1) and
// mount.ecryptfs(8) put into a keyring (include/linux/ecryptfs.h, struct ecryptfs_auth_tok).
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/ecryptfs/passphrase.hpp"

#include <string_view>

namespace sealmount {

/// The size of the kernel's struct, which is the payload of the key.
inline constexpr std::size_t auth_token_size = 740;

/// The FEKEK in the token. `signature` is the description of the key that holds it. Throws Error{bad_data}
/// when it is not the token of a passphrase, names another key inside, or holds a FEKEK with another
/// signature.
[[nodiscard]] Fekek read_auth_token(const SecretBytes& payload, std::string_view signature);

} // namespace sealmount
