// Where users keep their own configuration.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include <filesystem>
#include <optional>
#include <sys/types.h>

namespace sealmount {

/// The home directory that the user database has for a user (getpwuid_r(3)); nothing when it has none.
[[nodiscard]] std::optional<std::filesystem::path> home_of(uid_t user);

/// The owner of a file or directory; nothing when it is not there.
[[nodiscard]] std::optional<uid_t> owner_of(const std::filesystem::path& file);

} // namespace sealmount
