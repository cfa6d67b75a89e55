// Units of other people in the place of ours: where one is, nothing takes away the keys that a boot would
// load along. What stands in /etc, in /etc/fstab and in packages wins over the generator's late directory
// (systemd.unit(5), "Unit File Load Path").
//
// Light: neither TPM nor keyring, no library but that of C++.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/volume/manifest.hpp"
#include "core/volume/paths.hpp"

#include <optional>
#include <set>
#include <string>

namespace sealmount {

class OtherUnits {
  public:
    /// Reads the directories that systemd takes units from, for names of mounts and automounts alone; one
    /// that is not there has none.
    [[nodiscard]] static OtherUnits look(const Paths& paths);

    /// Is a mount or automount unit of the volume another's, masked, or, where the generator has left files,
    /// not among them?
    [[nodiscard]] bool stand_for(const Volume& volume) const;

  private:
    std::set<std::string> others_;
    std::optional<std::set<std::string>> generated_; ///< nothing: the generator has left no directory
};

} // namespace sealmount
