// The part of a check that is about systemd: what it has loaded for a volume and from which file, what it
// will take at the next boot, and what stands against a start.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/check/check.hpp"
#include "sys/host/service_manager.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace sealmount {

/// What systemd says of the units of all volumes, asked once.
struct UnitsReport {
    std::map<std::string, UnitState> units;
    std::vector<std::string> unit_path;   ///< as ServiceManagerReport has it
    std::optional<std::string> failure{}; ///< why it said nothing
};
[[nodiscard]] UnitsReport ask_about_units(const CheckContext& context, const std::vector<Volume>& volumes);

/// Appends the findings about the units of one volume.
void check_units(const CheckContext& context, const Volume& volume, const UnitsReport& report,
                 std::vector<Finding>& findings);

/// Appends those about what makes the units at each boot: the generator, the kernel's command line, and
/// whether /etc/sealmount is there by then.
void check_generator(const CheckContext& context, std::vector<Finding>& findings);

} // namespace sealmount
