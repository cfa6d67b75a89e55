// What keeps a volume from being mounted before any key matters: somebody could put another directory in the
// place of its mount point or lower directory; its lower directory is absent or another one, or somebody else
// uses it. Asked before a key of the volume is loaded, so that there is no key without
// its mount.
//
// Light, for programs that load nothing else: no TPM, no keyring, no OpenSSL, no JSON. Looks at tables of
// mounts, at the lower directory and at its file system, and along the paths; never into the mount point,
// where an automount might wait for this very unlock.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "base/refusal.hpp"
#include "core/volume/manifest.hpp"
#include "core/volume/other_units.hpp"
#include "core/volume/paths.hpp"
#include "core/volume/volume_ground.hpp"
#include "core/volume/volume_paths.hpp"

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace sealmount {

/// Where obstacles are looked for; tests have others.
struct ObstacleSources {
    std::filesystem::path proc = "/proc";
    std::filesystem::path sysfs = "/sys";
    IsEcryptfs is_ecryptfs = is_on_ecryptfs;
};

/// For any number of volumes, in one program that loads their keys: the tables are read once, with the first
/// question.
class MountObstacles {
  public:
    /// `volumes` are those of the manifest, where it matters that some of them lie in one place.
    explicit MountObstacles(Paths paths, std::vector<Volume> volumes = {}, ObstacleSources sources = {})
        : paths_(std::move(paths)), volumes_(std::move(volumes)), sources_(std::move(sources)) {}

    /// Why the volume must not be mounted now: RefusalKind::place_unsafe, ground_changed or lower_in_use,
    /// with the sentence. Nothing when it may, or is mounted already. `was_mounted`: since boot, so that a
    /// mount of it may have been unmounted lazily; then the open files of all processes are looked at too,
    /// unless the kernel shows that it holds no such mount. Throws Error{os} when there is no table of
    /// mounts.
    [[nodiscard]] std::optional<Refusal> to_mount(const Volume& volume, bool was_mounted);

    /// May a look at the lower directory have to wait: for an automount, a network, another program? Or is
    /// the mount point in another volume that is not mounted yet, so that its path does not show itself? Then
    /// the keys of other volumes must not wait with it.
    [[nodiscard]] bool may_wait(const Volume& volume);

    /// Are its keys not loaded along with those of other volumes? Because it may_wait(), or because its unit
    /// is another's, and nothing would take them away (core/volume/other_units.hpp).
    [[nodiscard]] bool is_left_alone(const Volume& volume);

    /// Who has the volume beside its own mount, a sentence for each; all processes are looked at. Once it is
    /// unmounted: who keeps it from being mounted again. `is_suspected` as for detached_users_of(): it was
    /// mounted until now.
    [[nodiscard]] std::vector<std::string> users_left(const Volume& volume, bool is_suspected);

  private:
    [[nodiscard]] bool is_in_unmounted_volume(const Volume& volume);
    [[nodiscard]] std::optional<Problem> problem_with_paths(const Volume& volume);
    const MountView& view();
    const EcryptfsMounts& mounts();
    const std::vector<DetachedUse>& detached();
    const std::map<std::string, std::string>& overlaps();
    const OtherUnits& other_units();

    Paths paths_;
    std::vector<Volume> volumes_;
    ObstacleSources sources_;
    std::optional<MountView> view_;
    std::optional<EcryptfsMounts> mounts_;
    std::optional<std::vector<DetachedUse>> detached_;
    std::optional<std::map<std::string, std::string>> overlaps_; ///< names, and why
    std::optional<OtherUnits> other_units_;
};

} // namespace sealmount
