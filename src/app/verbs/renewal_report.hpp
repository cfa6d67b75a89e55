// What people and programs read about a new master key.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "app/options/globals.hpp"
#include "core/slots/renewal.hpp"

#include <string>

namespace sealmount {

void report_renewal(const std::string& master, const Renewed& renewed, const Globals& globals);

} // namespace sealmount
