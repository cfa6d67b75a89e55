// Where a volume must not lie because of another volume of the manifest, or because of itself: one lower
// directory is one volume, no lower directory holds another or lies in a volume, and no mount point lies in a
// lower directory.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/volume/manifest.hpp"
#include "core/volume/paths.hpp"
#include "sys/files/mount_view.hpp"

#include <optional>
#include <string>
#include <vector>

namespace sealmount {

/// What is wrong with a volume by itself: its mount point lies in its lower directory, and so would be
/// encrypted twice, or appear in itself.
[[nodiscard]] std::optional<std::string> conflict_with_itself(const Volume& volume);

/// Where the volumes of a manifest lie. Refers to the paths and the view, not to the volumes.
class TakenPlaces {
  public:
    TakenPlaces(const Paths& paths, const MountView& view, const std::vector<Volume>& volumes = {});

    /// One more: of the manifest, or to be in it.
    void add(const Volume& volume);

    /// What is wrong between a volume and the first of the others (not itself, by its name), as a sentence
    /// about the volume. Lower directories are compared as the directories that they are, whatever links and
    /// mounts lead there; where one's ground is recorded, its path is without links, and costs no system
    /// call. Mount points are compared as they are written.
    [[nodiscard]] std::optional<std::string> conflict_with(const Volume& volume) const;

  private:
    struct Taken {
        Volume volume;
        std::optional<FilePlace> lower;
    };
    const Paths& paths_;
    const MountView& view_;
    std::vector<Taken> taken_;
};

} // namespace sealmount
