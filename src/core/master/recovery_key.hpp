// The recovery key: 256 random bits in the hands of the owner, which open a master key without the TPM. And
// the slot that it opens.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/master/master_file.hpp"

#include <optional>
#include <string_view>

namespace sealmount {

inline constexpr std::size_t recovery_key_size = 32;

/// The key as people keep it: eight groups of eight modhex characters ("cbdefghijklnrtuv", one for each four
/// bits) with dashes between them, 71 bytes; systemd's form (src/shared/recovery-key.c), so that people know
/// what it is.
inline constexpr std::size_t recovery_key_text_size = 71;
/// The longest text that is read as one.
inline constexpr std::size_t longest_recovery_key_text = 128;

[[nodiscard]] SecretBytes recovery_key_text(const SecretBytes& key);

/// The same form for any number of bytes that is a multiple of four.
[[nodiscard]] SecretBytes modhex_groups(const SecretBytes& bytes);

/// The key, when the text is one: in upper or lower case, with dashes and blanks anywhere. Nothing for any
/// other text, such as a passphrase.
[[nodiscard]] std::optional<SecretBytes> recovery_key_from(const SecretBytes& text);

/// A slot in which the recovery key wraps the master key, proved: it was opened again. AES-256-GCM under a
/// key that HKDF-SHA-256 derives from the recovery key and a random salt; number of the slot, its type and
/// the master key's name are authenticated. Throws Error{internal}.
[[nodiscard]] RecoverySlot make_recovery_slot(std::string_view master_name, unsigned id,
                                              const SecretBytes& master, const SecretBytes& recovery_key,
                                              std::string note);

/// The master key from the slot that this recovery key opens; nothing when it opens none.
struct RecoveredMaster {
    unsigned slot = 0;
    SecretBytes key;
};
[[nodiscard]] std::optional<RecoveredMaster>
open_with_recovery_key(std::string_view master_name, const MasterFile& file, const SecretBytes& recovery_key);

} // namespace sealmount
