// What an enrollment leaves on disk, in an order in which a kill at any instant is harmless.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/enroll/enroll_master.hpp"

#include <map>
#include <string>

namespace sealmount {

/// The texts of encrypted keys, by signature.
using KeyTexts = std::map<std::string, std::string>;

/// Guards the mount point of `enrolled.volume`, if `guard` says so, then writes master key, keys and
/// manifest, each only where it is not there already. Notes files, guard and warnings in `enrolled`. Throws
/// Error; up to the manifest what was newly made is taken back then.
void guard_and_write(const Store& store, bool guard, const EnrolledMaster& master, const KeyTexts& texts,
                     Enrolled& enrolled);

} // namespace sealmount
