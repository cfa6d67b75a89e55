// Keyring: what the project asks of the kernel's key service, in its own terms. One real form
// (kernel_keyring.hpp), one fake in tests.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "base/refusal.hpp"
#include "base/secret_bytes.hpp"

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace sealmount {

/// Master keys live in the keyring of this process alone (KEY_SPEC_PROCESS_KEYRING) and go with it. Encrypted
/// keys live in root's user keyring (KEY_SPEC_USER_KEYRING), where the mount finds them, with permission to
/// be searched for by their possessor and nothing else: a key with write and read permission could be
/// re-wrapped under a known master key and read out. Nor can it be read under a master key of the name that
/// its text has. Unless a Refusal says otherwise, failures throw Error.
class Keyring {
  public:
    Keyring() = default;
    Keyring(const Keyring&) = delete;
    Keyring& operator=(const Keyring&) = delete;
    virtual ~Keyring() = default;

    /// Does the kernel know the *trusted* key type? (add_key(2) answers ENODEV when not.) Leaves nothing
    /// behind.
    [[nodiscard]] virtual bool has_trusted_keys() = 0;

    /// Do the kernel's encrypted keys take a *trusted* key as their master? Not where trusted keys are a
    /// module and encrypted keys are built in, whatever has_trusted_keys() says (encrypted-keys/encrypted.h:
    /// EOPNOTSUPP). Leaves nothing behind. key_type_absent when it has no encrypted keys at all.
    [[nodiscard]] virtual std::expected<bool, Refusal> takes_trusted_masters() = 0;

    /// Loads a master key "trusted:NAME" from a TPMKey blob (DER) through a live policy session of /dev/tpm0.
    /// `pin`, of 1 to 20 bytes, goes with a policy that has one. key_type_absent, or unseal_failed for the
    /// kernel's EPERM, which may mean any TPM error.
    [[nodiscard]] virtual std::expected<void, Refusal>
    load_trusted_master(std::string_view name, std::span<const std::byte> tpm_key,
                        std::uint32_t policy_handle, const SecretBytes* pin = nullptr) = 0;

    /// Loads a master key "user:NAME" from its bytes.
    virtual void load_user_master(std::string_view name, const SecretBytes& master) = 0;

    /// Unlinks the master key of either type, if there is one.
    virtual void drop_master(std::string_view name) = 0;

    /// Is there an encrypted key of this description in root's user keyring?
    [[nodiscard]] virtual bool has_volume_key(std::string_view signature) = 0;

    /// Is there a *user* key of this description? eCryptfs would take it instead of ours
    /// (fs/ecryptfs/keystore.c, ecryptfs_keyring_auth_tok_for_sig).
    [[nodiscard]] virtual bool has_user_key(std::string_view signature) = 0;

    /// The payload of the *user* key of this description, at most `limit` bytes: Error{bad_data} when it is
    /// longer, nothing when there is none. Looked for where a mount by hand would find it: in root's user
    /// keyring, where ecryptfs-add-passphrase puts it, then in the session's and the user-session keyring.
    /// Only a possessor may read a key, and not every session has the user keyring linked (sudo(8),
    /// services): while it is read, that is linked into the process's own. Nothing stays behind.
    [[nodiscard]] virtual std::optional<SecretBytes> read_user_key(std::string_view description,
                                                                   std::size_t limit) = 0;

    /// Unlinks the *user* key of this description from each of those keyrings; false when it was in none.
    /// Error{refused} when it can still be found, because a keyring further down holds it.
    virtual bool drop_user_key(std::string_view description) = 0;

    /// Loads an encrypted key into root's user keyring from its text and narrows its permissions at once. The
    /// master key that the text names must be loaded. text_rejected when the kernel says EINVAL,
    /// key_type_absent when it has no encrypted keys or cannot use a trusted master for them (EOPNOTSUPP).
    /// When narrowing fails the key is unlinked again and Error thrown.
    [[nodiscard]] virtual std::expected<void, Refusal> load_volume_key(std::string_view signature,
                                                                       std::string_view text) = 0;

    /// Unlinks it from root's user keyring; false when it was not there.
    virtual bool unload_volume_key(std::string_view signature) = 0;

    /// Loads the text into the process's own keyring, reads it back and unlinks it: the kernel itself has
    /// then checked text and master key. text_rejected or key_type_absent as above.
    [[nodiscard]] virtual std::expected<void, Refusal> prove_volume_key(std::string_view signature,
                                                                        std::string_view text) = 0;
};

} // namespace sealmount
