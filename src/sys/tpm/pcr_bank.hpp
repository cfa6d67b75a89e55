// PCR banks by name, as file formats write them.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "sys/tpm/pcr.hpp"

#include <optional>
#include <string_view>

namespace sealmount {

/// "sha1", "sha256", "sha384" or "sha512"; nothing for any other text.
[[nodiscard]] std::optional<PcrBank> bank_named(std::string_view name) noexcept;

/// The same back.
[[nodiscard]] std::string_view to_string(PcrBank bank);

/// For messages.
inline constexpr std::string_view known_banks = "one of sha1, sha256, sha384, sha512";

} // namespace sealmount
