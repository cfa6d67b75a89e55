// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/check/check_places.hpp"

#include "base/format.hpp"
#include "core/volume/taken_places.hpp"
#include "core/volume/volume_ground.hpp"

namespace sealmount {

void check_places(const CheckContext& context, const std::vector<Volume>& volumes,
                  std::vector<Finding>& findings) {
    const Paths& paths = context.store.paths();
    const std::vector<Volume> all = context.store.manifest().volumes;
    const MountView view = view_for(paths, Viewer::this_process);
    const TakenPlaces taken{paths, view, all};
    for (const Volume& volume : volumes) {
        auto conflict = conflict_with_itself(volume);
        if (!conflict) {
            conflict = taken.conflict_with(volume);
        }
        if (conflict) {
            findings.push_back({.about = formatted("volume {}", volume.name),
                                .item = "overlap",
                                .severity = Severity::bad,
                                .text = std::move(*conflict),
                                .fix = {.kind = AdviceKind::separate_volumes}});
        }
    }
}

} // namespace sealmount
