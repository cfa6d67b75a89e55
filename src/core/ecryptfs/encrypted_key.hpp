// The text of an encrypted key: what KEYCTL_READ gives and add_key(2) "load" takes
// (security/keys/encrypted-keys/encrypted.c). Userspace composes here what the kernel would have made: keys
// of volumes in eCryptfs format, and proofs, which are keys that nobody uses: what they prove is in their
// initialization vector, which the kernel authenticates under the master key with all the rest
// (datablob_hmac_append() and datablob_hmac_verify(): format, master's description, length, vector,
// contents).
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "base/secret_bytes.hpp"
#include "sys/crypto/crypto.hpp"

#include <array>
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

/// The initialization vector of a volume's key text: 8 random bytes and 8 of the SHA-256 of a label, the
/// signature and them. So the text says under the master key's HMAC, and without its contents, whose key it
/// is, and that it is of a version that writes proofs: what older versions wrote is random.
[[nodiscard]] Bytes bound_vector(std::string_view signature);
[[nodiscard]] Bytes bound_vector(std::string_view signature, BytesView nonce);

/// Is the vector in a volume's key text bound to this signature? Says nothing before the text was found
/// authentic. Throws Error{bad_data} when it is not of the form.
[[nodiscard]] bool is_bound(std::string_view text, std::string_view signature);

/// The master's description in a volume's key text, e.g. "trusted:default". Throws Error{bad_data} when it is
/// not of the form above.
[[nodiscard]] std::string master_description_of(std::string_view text);

/// The same key under the same master key, which the kernel knows by another description: only that word and
/// the HMAC change, the contents are not decrypted. Of a volume's key or of a proof. Throws like
/// open_encrypted_key().
[[nodiscard]] std::string with_master_description(std::string_view text, const SecretBytes& master,
                                                  std::string_view master_description);

/// The FEKEK, whatever its name. Throws Error{bad_data} when the text is not of the form or not authentic
/// under this master key.
[[nodiscard]] SecretBytes open_encrypted_key(std::string_view text, const SecretBytes& master);

/// The same for the file of that name: the FEKEK must have this signature, unless it is dracut's, which says
/// nothing about the key. Throws Error{bad_data} as well when it has another.
[[nodiscard]] SecretBytes open_volume_key(std::string_view text, const SecretBytes& master,
                                          std::string_view signature);

inline constexpr std::size_t proof_size = 32;
using ProofDigest = std::array<std::byte, proof_size>;

/// "default MASTER 32 HEX": a proof of this SHA-256. Its first 16 bytes are the vector, all of it the
/// contents. The same digest always gives the same text. Not of the format of a volume's key, so it can never
/// be loaded as one.
[[nodiscard]] std::string compose_proof(std::string_view master_description, const SecretBytes& master,
                                        const ProofDigest& digest);

/// Is the text the form of a proof of this digest under a master key of this description? Proves it when the
/// kernel loads it under that key.
[[nodiscard]] bool names_digest(std::string_view proof, std::string_view master_description,
                                const ProofDigest& digest);

/// The same where the master key is known: with its HMAC and its contents.
[[nodiscard]] bool proves(std::string_view proof, const SecretBytes& master,
                          std::string_view master_description, const ProofDigest& digest);

} // namespace sealmount
