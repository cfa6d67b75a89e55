// What sealmount-generator(8) does: manifest in, unit files out.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/volume/paths.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace sealmount {

/// Writes into `directory` (the "late" one of systemd.generator(7), which everything else that makes units has
/// precedence over), for each volume of the manifest below `paths`, its mount unit and what else it needs, and
/// the drop-ins that start all of them at boot. A volume whose mount point is in /etc/fstab is left out, as
/// that line wins. Nothing is written when there is no manifest or the kernel command line says sealmount=no.
/// A bad volume costs only that volume, and a file that exists is never written over. Returns what went wrong,
/// one sentence each; nothing when all went well. Does not throw Error.
[[nodiscard]] std::vector<std::string> write_units(const Paths& paths,
                                                   const std::filesystem::path& directory);

/// What write_units() would say, without writing; and what shows only when the system is up: a mount point
/// that is missing. Does not throw Error.
[[nodiscard]] std::vector<std::string> problems_of_units(const Paths& paths);

} // namespace sealmount
