// What `sealmount check --strength` prints: for people and for programs.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/check/strength.hpp"

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <vector>

namespace sealmount {

[[nodiscard]] nlohmann::ordered_json strength_json(const std::vector<MasterStrength>& strengths);

/// The lines of the report, without line ends.
[[nodiscard]] std::vector<std::string> strength_lines(const std::vector<MasterStrength>& strengths);

} // namespace sealmount
