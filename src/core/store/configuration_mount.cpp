// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/store/configuration_mount.hpp"

#include "base/format.hpp"
#include "sys/files/files.hpp"
#include "sys/files/fstab.hpp"
#include "sys/files/holding_mount.hpp"

#include <sstream>
#include <system_error>

namespace sealmount {

namespace {

bool has_mount_option(const std::string& options, const std::string_view wanted) {
    std::istringstream list{options};
    for (std::string option; std::getline(list, option, ',');) {
        if (option == wanted) {
            return true;
        }
    }
    return false;
}

} // namespace

std::optional<ConfigurationMount> configuration_mount(const Paths& paths, const std::string_view mountinfo) {
    std::error_code failed;
    const auto directory = std::filesystem::weakly_canonical(paths.configuration(), failed);
    ConfigurationMount mount{.mountpoint =
                                 mountpoint_holding(mountinfo, failed ? paths.configuration() : directory)};
    if (mount.mountpoint == "/") {
        return std::nullopt;
    }
    const auto table = read_trusted_file_if_exists(paths.below_root("/etc/fstab"));
    for (const FstabLine& line : read_fstab(table.value_or(""))) {
        if (line.mountpoint != mount.mountpoint) {
            continue;
        }
        if (has_mount_option(line.options, "x-initrd.mount")) {
            return std::nullopt;
        }
        mount.is_in_table = true;
    }
    return mount;
}

Problem problem_with(const ConfigurationMount& mount) {
    return {.message =
                formatted("/etc/sealmount is in a mount of its own ({}): systemd makes the volumes' units "
                          "before it mounts that, and finds no manifest",
                          mount.mountpoint),
            .advice = {.kind = AdviceKind::mount_configuration_early, .subject = mount.mountpoint}};
}

} // namespace sealmount
