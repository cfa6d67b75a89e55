// Sections of an ELF file for 64 bits, as far as GRUB's modules have them: .modname and .moddeps.
//
// Source: elf(5); kern/dl.c.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "base/bytes.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace sealmount {

/// Nothing when there is no such section, or the file is damaged.
[[nodiscard]] std::optional<std::string> elf_section(BytesView file, std::string_view name);

} // namespace sealmount
