// What an enrollment must know about the machine, the lower directory and the passphrase before it writes.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/enroll/enroll.hpp"
#include "sys/files/mounts.hpp"

#include <vector>

namespace sealmount {

/// Throws Error{refused}.
[[noreturn]] void refuse_enrollment(const std::string& message, Advice advice = {});

/// Are these the same volume, as far as people name it? Then enrolling the one again finishes or repairs the
/// other.
[[nodiscard]] bool is_same_place(const Volume& a, const Volume& b);

/// Throws unless name, mount point and lower directory fit the manifest and the machine as they are. The
/// manifest may have this very volume already.
void check_against_manifest(const Store& store, const Manifest& manifest, const Volume& volume);
void check_directories(const Store& store, const MountList& mounts, const Volume& volume);

/// What people should know about the PCRs they chose.
[[nodiscard]] std::vector<Problem> warnings_about(const Policy& policy);

} // namespace sealmount
