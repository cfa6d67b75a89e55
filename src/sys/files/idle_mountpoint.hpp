// Mount points while nothing is mounted on them.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include <filesystem>
#include <system_error>

namespace sealmount {

/// Would a mount on this directory hide nothing that anybody would miss? It is empty, or holds only the
/// symbolic links that ecryptfs-setup-private puts there: to its readme in /usr/share/ecryptfs-utils, and, in
/// an encrypted home, `.ecryptfs` and `.Private` into /home/.ecryptfs. False, and `failed` says why, when it
/// cannot be read.
[[nodiscard]] bool is_idle(const std::filesystem::path& directory, std::error_code& failed);

} // namespace sealmount
