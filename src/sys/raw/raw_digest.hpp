// SHA-256 for a program without libraries (FIPS 180-4, 5.3.3, 6.2). Of what is not secret: nothing is wiped.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include <array>
#include <cstddef>
#include <initializer_list>
#include <string_view>

namespace sealmount {

/// Of the texts, one after the other.
[[nodiscard]] std::array<std::byte, 32>
digest_of_texts(std::initializer_list<std::string_view> texts) noexcept;

} // namespace sealmount
