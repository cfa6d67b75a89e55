// The text of an encrypted key in eCryptfs format: what KEYCTL_READ gives and add_key(2) "load" takes
// (security/keys/encrypted-keys/encrypted.c). Userspace composes here what the kernel would have made.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "base/secret_bytes.hpp"
#include "sys/crypto/crypto.hpp"

#include <expected>
#include <string>
#include <string_view>

namespace sealmount {

inline constexpr std::size_t fekek_size = 64;
inline constexpr std::size_t master_key_size = 32;

/// "ecryptfs MASTER 64 HEX", HEX being iv, a zero byte, the FEKEK encrypted with AES-256-CBC, and an
/// HMAC-SHA-256 over all words but the key's own description. `master_description` is "trusted:NAME" or
/// "user:NAME"; it is authenticated. `fekek` is 64 bytes, `iv` 16.
[[nodiscard]] std::string compose_encrypted_key(std::string_view master_description,
                                                const SecretBytes& master, const SecretBytes& fekek,
                                                BytesView iv);

/// The master's description in a text, e.g. "trusted:default". Throws Error{bad_data} when it is not of the
/// form above.
[[nodiscard]] std::string master_description_of(std::string_view text);

/// The same key under the same master key, which the kernel knows by another description: only that word and
/// the HMAC change, the FEKEK is not decrypted. Throws like open_encrypted_key().
[[nodiscard]] std::string with_master_description(std::string_view text, const SecretBytes& master,
                                                  std::string_view master_description);

/// The FEKEK. Throws Error{bad_data} when the text is not of the form or not authentic under this master key.
[[nodiscard]] SecretBytes open_encrypted_key(std::string_view text, const SecretBytes& master);

} // namespace sealmount
