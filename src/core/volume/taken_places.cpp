// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/volume/taken_places.hpp"

#include "base/format.hpp"

namespace sealmount {

namespace {

/// Where the lower directory is. Enrolled with its ground, it was enrolled by its path without links.
std::optional<FilePlace> place_of_lower(const Paths& paths, const MountView& view, const Volume& volume) {
    const std::string path = paths.below_root(volume.lower).string();
    return volume.ground ? view.table().place_of(path) : view.place_of(path);
}

std::optional<std::string> conflict_of_lowers(const Volume& volume, const std::optional<FilePlace>& mine,
                                              const Volume& other, const std::optional<FilePlace>& theirs) {
    Nearness near = nearness(std::string_view{volume.lower}, std::string_view{other.lower});
    if (near == Nearness::apart && mine && theirs) {
        near = nearness(*mine, *theirs);
    }
    switch (near) {
    case Nearness::apart:
        return std::nullopt;
    case Nearness::same:
        return formatted("{} is the lower directory of the volume \"{}\" already", volume.lower, other.name);
    case Nearness::above:
        return formatted("{} holds {}, the lower directory of the volume \"{}\"", volume.lower, other.lower,
                         other.name);
    case Nearness::below:
        return formatted("{} lies in {}, the lower directory of the volume \"{}\"", volume.lower, other.lower,
                         other.name);
    }
    return std::nullopt;
}

std::optional<std::string> conflict_of_mountpoints(const Volume& volume, const Volume& other) {
    if (is_in(volume.lower, other.mountpoint)) {
        return formatted(
            "{} lies in {}, the mount point of the volume \"{}\": eCryptfs is not mounted on eCryptfs",
            volume.lower, other.mountpoint, other.name);
    }
    if (is_in(other.lower, volume.mountpoint)) {
        return formatted("{} would hide {}, the lower directory of the volume \"{}\"", volume.mountpoint,
                         other.lower, other.name);
    }
    if (is_in(volume.mountpoint, other.lower)) {
        return formatted("{} lies in {}, the lower directory of the volume \"{}\"", volume.mountpoint,
                         other.lower, other.name);
    }
    if (is_in(other.mountpoint, volume.lower)) {
        return formatted("{} holds {}, the mount point of the volume \"{}\"", volume.lower, other.mountpoint,
                         other.name);
    }
    return std::nullopt;
}

} // namespace

std::optional<std::string> conflict_with_itself(const Volume& volume) {
    if (volume.mountpoint != volume.lower && is_in(volume.mountpoint, volume.lower)) {
        return formatted("the mount point {} lies in the lower directory {}", volume.mountpoint,
                         volume.lower);
    }
    return std::nullopt;
}

TakenPlaces::TakenPlaces(const Paths& paths, const MountView& view, const std::vector<Volume>& volumes)
    : paths_(paths), view_(view) {
    taken_.reserve(volumes.size());
    for (const Volume& volume : volumes) {
        add(volume);
    }
}

void TakenPlaces::add(const Volume& volume) {
    taken_.push_back({.volume = volume, .lower = place_of_lower(paths_, view_, volume)});
}

std::optional<std::string> TakenPlaces::conflict_with(const Volume& volume) const {
    const auto mine = place_of_lower(paths_, view_, volume);
    for (const Taken& other : taken_) {
        if (other.volume.name == volume.name) {
            continue;
        }
        auto conflict = conflict_of_lowers(volume, mine, other.volume, other.lower);
        if (!conflict) {
            conflict = conflict_of_mountpoints(volume, other.volume);
        }
        if (conflict) {
            return conflict;
        }
    }
    return std::nullopt;
}

} // namespace sealmount
