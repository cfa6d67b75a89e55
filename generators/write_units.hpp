// What sealmount-generator(8) does: manifest in, unit files out.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/volume/paths.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace sealmount {

/// Writes into `directory` (the "normal" one of systemd.generator(7)), for each volume of the manifest below
/// `paths`, its mount unit, the drop-in for its unlock unit and the link that starts it at boot, and the
/// drop-in that all unlock units share where volumes are many. Nothing is written when there is no manifest
/// or the kernel command line says sealmount=no. A bad volume costs only that volume, and a file that exists
/// is never written over. Returns what went wrong, one sentence each; nothing when all went well. Does not
/// throw Error.
[[nodiscard]] std::vector<std::string> write_units(const Paths& paths,
                                                   const std::filesystem::path& directory);

} // namespace sealmount
