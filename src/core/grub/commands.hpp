// The commands of GRUB that are known here. Only for this room.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/grub/run.hpp"

#include <string_view>

namespace sealmount {

struct KnownCommand {
    std::string_view name;
    std::string_view module; ///< that brings it; "" for the core and what starts with menus
    GrubStatus (*run)(GrubRun&, const GrubCall&);
};

/// Null for any other command.
[[nodiscard]] const KnownCommand* known_command(std::string_view name);

GrubStatus test_command(GrubRun& run, const GrubCall& call);   // test_command.cpp
GrubStatus search_command(GrubRun& run, const GrubCall& call); // search_commands.cpp
GrubStatus search_by_uuid(GrubRun& run, const GrubCall& call);
GrubStatus search_by_label(GrubRun& run, const GrubCall& call);
GrubStatus search_by_file(GrubRun& run, const GrubCall& call);
GrubStatus probe_command(GrubRun& run, const GrubCall& call);
GrubStatus load_env_command(GrubRun& run, const GrubCall& call); // environment_commands.cpp
GrubStatus save_env_command(GrubRun& run, const GrubCall& call);
GrubStatus menuentry_command(GrubRun& run, const GrubCall& call); // menu_commands.cpp
GrubStatus blscfg_command(GrubRun& run, const GrubCall& call);    // loader_entries.cpp
GrubStatus linux_command(GrubRun& run, const GrubCall& call);     // loader_commands.cpp
GrubStatus initrd_command(GrubRun& run, const GrubCall& call);
GrubStatus chainloader_command(GrubRun& run, const GrubCall& call);
GrubStatus regexp_command(GrubRun& run, const GrubCall& call); // text_commands.cpp
GrubStatus increment_command(GrubRun& run, const GrubCall& call);
GrubStatus loadfont_command(GrubRun& run, const GrubCall& call); // screen_commands.cpp
GrubStatus terminal_command(GrubRun& run, const GrubCall& call);
GrubStatus background_command(GrubRun& run, const GrubCall& call);

} // namespace sealmount
