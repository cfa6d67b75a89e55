// Unit files on disk: which one systemd will take at the next boot, whatever it has loaded now
// (systemd.unit(5), "Unit File Load Path").
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/volume/paths.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sealmount {

/// Did a generator write this unit file? Those of the late directory give way to everything else.
[[nodiscard]] bool is_generated(std::string_view unit_file);

/// Is it a file of packages, below /usr or /lib, and not one of the administrator's?
[[nodiscard]] bool is_packaged(std::string_view unit_file);

/// Does the file mean "there is none": empty, or a link to /dev/null?
[[nodiscard]] bool is_masking(const std::filesystem::path& file);

/// The file that systemd will take the unit from at the next boot: the first one in the directories of
/// `unit_path`, without those that a boot begins empty; where none has an instance's own file, that of its
/// template. As the system itself calls it. Nothing when there is none.
[[nodiscard]] std::optional<std::string>
unit_file_at_boot(const Paths& paths, const std::vector<std::string>& unit_path, std::string_view unit);

/// The drop-ins that will change the unit at the next boot and are not among the `known` ones, those that
/// systemd has read: in the directories of `unit_path` as above, those of the unit itself, its template, its
/// type
/// ("mount.d"), and the beginnings of its name ("srv-.mount.d"). A known one of the same name hides others.
[[nodiscard]] std::vector<std::string> unread_drop_ins(const Paths& paths,
                                                       const std::vector<std::string>& unit_path,
                                                       std::string_view unit,
                                                       const std::vector<std::string>& known);

/// Do both names, as the system itself calls them, lead to one file?
[[nodiscard]] bool is_same_file(const Paths& paths, const std::string& one, const std::string& other);

/// The generator that systemd will run at the next boot: the first file of its name in the directories of
/// systemd.generator(7), without that in /run.
[[nodiscard]] std::optional<std::string> generator_file_at_boot(const Paths& paths);

} // namespace sealmount
