// The notes of what was loaded since boot, as core/store/volume_state.hpp has them: the same files, for a
// program without the libraries that the store takes. Everything here is done under the lock of all unlocks.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/unlock/plain_manifest.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sealmount {

/// Where everything lives (core/volume/paths.hpp); tests have another root.
struct PlainPlaces {
    std::string configuration = "/etc/sealmount";
    std::string runtime = "/run/sealmount";
};

/// A volume's note. Without words: it was not asked for since boot.
struct PlainNote {
    std::vector<std::string> words;

    [[nodiscard]] bool says(const std::string_view word) const {
        return !words.empty() && words.front() == word;
    }
    /// Neither loaded by its own unlock nor stopped by hand.
    [[nodiscard]] bool is_untouched() const { return !says("loaded") && !says("stopped"); }
    /// How its keys came in; "-" when that is not known.
    [[nodiscard]] std::string_view how() const { return words.size() > 1 ? std::string_view{words[1]} : "-"; }
    /// The signatures that it was loaded with.
    [[nodiscard]] std::vector<std::string> signatures() const;
};

/// Nothing when there is one that cannot be read or does not have the form.
[[nodiscard]] std::optional<PlainNote> read_plain_note(const PlainPlaces& places, std::string_view volume);

/// `state` is "loading", "along" or "loaded". False when it could not be written.
[[nodiscard]] bool write_plain_note(const PlainPlaces& places, const PlainVolume& volume,
                                    std::string_view state, std::string_view how);

/// What a stop of the volume has to do, or nothing when a note cannot be read.
struct PlainStop {
    std::vector<std::string>
        signatures;                 ///< to unload: those that it was loaded with, and what came along with it
    std::vector<std::string> along; ///< volumes that were loaded along and never asked: their notes go
    bool is_needed = false;         ///< it was loaded
};
[[nodiscard]] std::optional<PlainStop> plan_plain_stop(const PlainPlaces& places, std::string_view volume);

/// After the keys have gone.
[[nodiscard]] bool note_plain_stop(const PlainPlaces& places, std::string_view volume, const PlainStop& stop);

} // namespace sealmount
