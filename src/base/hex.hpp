// Lower-case hex, as signatures, digests and the kernel's key texts use it.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sealmount {

[[nodiscard]] std::string to_hex(std::span<const std::byte> bytes);

/// Nothing when `text` has an odd length or a character that is not a hex digit; upper case is accepted.
[[nodiscard]] std::optional<std::vector<std::byte>> from_hex(std::string_view text);

/// Only 0-9 and a-f, exactly `digits` of them.
[[nodiscard]] bool is_lower_hex(std::string_view text, std::size_t digits) noexcept;

} // namespace sealmount
