// The notes of what was loaded since boot, and the mounts, for a program without the libraries that the store
// takes: the same notes as core/store/volume_state.hpp has, in the same order of steps. Changes are made
// under the lock of all unlocks.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/unlock/obstacle.hpp"
#include "core/volume/manifest.hpp"
#include "core/volume/paths.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sealmount {

/// Where everything lives (core/volume/paths.hpp); tests have another root.
struct PlainPlaces {
    std::string root{}; ///< "" is the running system's
    std::string configuration = root + "/etc/sealmount";
    std::string runtime = root + "/run/sealmount";
    ObstacleSources sources{};

    [[nodiscard]] Paths paths() const { return Paths{root.empty() ? "/" : root}; }
};

enum class PlainState { untouched, loaded, stopped };

/// Refers to the places.
class PlainNotes {
  public:
    explicit PlainNotes(const PlainPlaces& places) : places_(places) {}

    [[nodiscard]] PlainState state(std::string_view volume) const;
    /// The signatures of a loaded volume's keys; none when there is no note.
    [[nodiscard]] std::vector<std::string> loaded_signatures(std::string_view volume) const;
    /// Those of all loaded volumes but this one; nothing when they cannot be read.
    [[nodiscard]] std::optional<std::vector<std::string>> signatures_of_others(std::string_view volume) const;

    /// False when /run takes no note.
    [[nodiscard]] bool mark_loaded(const Volume& volume, std::string_view how) const;
    [[nodiscard]] bool mark_stopped(std::string_view volume) const;
    void forget_loaded(std::string_view volume) const noexcept;
    void forget_stopped(std::string_view volume) const noexcept;
    /// That a boot begins, in which a TPM is waited for again.
    void note_booting() const;

  private:
    [[nodiscard]] std::string loaded_note(std::string_view volume) const;
    [[nodiscard]] std::string stopped_note(std::string_view volume) const;
    [[nodiscard]] bool prepare() const;
    /// Makes the directories when they are not there.
    [[nodiscard]] bool write(const char* directory, std::string_view name, const std::string& text) const;

    const PlainPlaces& places_;
};

/// A mount of this mount namespace (proc(5), mountinfo).
struct PlainMount {
    std::string mountpoint;
    std::string options; ///< the file system's own
    bool is_ecryptfs = false;
};
/// All mounts, the later ones covering the earlier. Nothing when they cannot be read.
[[nodiscard]] std::optional<std::vector<PlainMount>> plain_mounts();

/// Is the last mount there an eCryptfs one?
[[nodiscard]] bool is_ecryptfs_at(const std::vector<PlainMount>& mounts, std::string_view mountpoint);

} // namespace sealmount
