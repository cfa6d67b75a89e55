// Volumes as `--json` shows them. Stable: members are added, never renamed (sealmount(8)).
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "base/strict_json.hpp"
#include "core/volume/manifest.hpp"

namespace sealmount {

[[nodiscard]] Json volume_json(const Volume& volume);

} // namespace sealmount
