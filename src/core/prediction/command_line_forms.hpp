// The kernel's command line in the forms that boot loaders and the kernel measure.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "sys/crypto/crypto.hpp"
#include "sys/tpm/pcr.hpp"

#include <optional>
#include <string_view>

namespace sealmount {

/// UTF-16LE as EFI programs pass it (systemd-boot, systemd-stub and Linux's stub hash it with its NUL), or
/// bytes as GRUB does (grub-core/commands/tpm.c).
enum class CommandLineForm { utf16_with_nul, utf16, bytes, bytes_with_nul };

/// Empty for a UTF-16 form of text that is not UTF-8.
[[nodiscard]] Bytes in_form(std::string_view text, CommandLineForm form);

/// The form of `text` that has this digest, if any.
[[nodiscard]] std::optional<CommandLineForm> form_of(PcrBank bank, const Bytes& digest,
                                                     std::string_view text);

} // namespace sealmount
