// bootctl(1), which knows what systemd-boot starts.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace sealmount {

/// The boot entries as `bootctl list` prints them, for programs and for people: version 252 says only to the
/// latter which one is the default and which one was selected.
struct BootctlLists {
    std::string json;
    std::string text;
};

/// Runs it, without a shell, with an environment of its own, and for at most half a minute. Nothing when
/// there is no such program, or when it finds no EFI system partition. Throws Error{unavailable} when it
/// fails half-way or does not come to an end.
[[nodiscard]] std::optional<BootctlLists>
bootctl_lists(const std::filesystem::path& program = "/usr/bin/bootctl");

} // namespace sealmount
