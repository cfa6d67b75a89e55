// Bytes that are not secret.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

namespace sealmount {

using Bytes = std::vector<std::byte>;
using BytesView = std::span<const std::byte>;

[[nodiscard]] inline BytesView as_bytes(const std::string_view text) noexcept {
    return std::as_bytes(std::span{text});
}

} // namespace sealmount
