// The kernel's key service by its two system calls (add_key(2), keyctl(2)), as far as a boot needs it. What
// is done to a key, and in which order, is as in sys/keyring/kernel_keyring.cpp, which has the reasons.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace sealmount {

/// Does the kernel know the *trusted* key type? Nothing when it answers in a way that says neither.
[[nodiscard]] std::optional<bool> kernel_has_trusted_keys() noexcept;

/// Is there a key of this type and description in root's user keyring? Nothing when the kernel does not say.
[[nodiscard]] std::optional<bool> is_in_user_keyring(const char* type, std::string_view description);

/// Adds a master key to the process's own keyring, which ends with the process. `type` is "trusted", with a
/// payload as the kernel's trusted keys take it, or "user".
[[nodiscard]] bool add_master_key(const char* type, std::string_view name,
                                  std::span<const std::byte> payload);

/// Loads an encrypted key into root's user keyring from its text, makes it unreadable for good and leaves it
/// the permission to be searched for by its possessor. The master key that the text names is loaded. False
/// when any of that failed; then the key is not there.
[[nodiscard]] bool add_volume_key(std::string_view signature, std::string_view text);

/// Does the kernel take this text of an encrypted key? It is loaded into the process's own keyring and
/// unlinked again.
[[nodiscard]] bool takes_key_text(const char* description, std::string_view text);

/// Unlinks it from root's user keyring; one that is not there is no failure.
bool drop_volume_key(std::string_view signature);

} // namespace sealmount
