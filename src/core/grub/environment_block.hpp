// grubenv: variables in a file of fixed size, which GRUB can write in place.
//
// Source: lib/envblk.c, whose ways with a damaged block are followed: what is behind the damage is not there.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sealmount {

/// Is it one at all?
[[nodiscard]] bool is_environment_block(std::string_view block) noexcept;

/// Names and values in their order; a name may be there twice.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> variables_of_block(std::string_view block);

/// Sets a variable, in its place or behind the last. False, and nothing changed, when there is no room for
/// it, or the block is damaged.
[[nodiscard]] bool set_in_block(std::string& block, const std::string& name, std::string_view value);

void unset_in_block(std::string& block, const std::string& name);

} // namespace sealmount
