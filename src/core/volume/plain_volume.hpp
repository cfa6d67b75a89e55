// Volumes read as they stand. A boot and every daemon-reload read the whole manifest, in which hardly any
// volume says anything unusual: such a one is read in one pass over its text, without a tree of values. What
// is unusual, be it right or wrong, is left to the reader of manifest.cpp, which knows what to say about it;
// so the two never have to agree on a message, only on what is right (tests/unit/core/volume).
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/volume/manifest.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace sealmount {

/// For questions, and for how long an automount is idle; in seconds.
inline constexpr std::int64_t longest_timeout = 86400;
/// How many hex digits a salt has.
inline constexpr std::size_t salt_digits = 16;

/// An element of "volumes".
struct VolumeText {
    std::string_view text;         ///< from "{" to "}"; JSON or not
    std::optional<Volume> plain{}; ///< what it says, all of it acceptable; nothing: read its text
};

/// The volumes of a document that is a plain one but for them: version 1, members that are known, each of
/// them once, no escapes in their strings. Nothing when it is anything else. Names and mount points that
/// occur twice are not looked for. Refers to `text`.
[[nodiscard]] std::optional<std::vector<VolumeText>> volumes_of_plain_document(std::string_view text);

/// The volumes of a document in which every one is plain, and no name or mount point occurs twice: those that
/// read_manifest() has, without a problem. Nothing when it is anything else.
[[nodiscard]] std::optional<std::vector<Volume>> volumes_of_plain_manifest(std::string_view text);

} // namespace sealmount
