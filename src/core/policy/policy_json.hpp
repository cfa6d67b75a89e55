// A policy as it is written in a master file.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "base/strict_json.hpp"
#include "core/policy/policy.hpp"

#include <string>

namespace sealmount {

/// An object with a member for each condition: "pcrs", "signed", "pcrlock", "boot_window_ms", "last_boot",
/// "pin"; or "none" alone.
[[nodiscard]] Json to_json(const Policy& policy);

/// Also reads the form of version 0.1, {"type":"pcr","bank":...,"values":...}. An empty policy must say
/// "none". Throws Error{config}, beginning with the path.
[[nodiscard]] Policy policy_from_json(const Json& value, const std::string& path);

} // namespace sealmount
