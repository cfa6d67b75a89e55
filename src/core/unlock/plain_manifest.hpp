// The manifest as an unattended unlock needs it, when every volume in it is plainly good: the same document
// that core/volume/manifest.hpp reads, with fewer forms. Whatever this reader takes, that one takes too and
// reads alike.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include <optional>
#include <string_view>
#include <vector>

namespace sealmount {

/// What an unlock has to know of a volume. Refers to the manifest's text.
struct PlainVolume {
    std::string_view name;
    std::string_view lower;
    std::string_view mountpoint;
    std::string_view master = "default";
    std::string_view signature;
    std::string_view filename_signature{}; ///< empty: none, or the same
    bool trusted_only = false;             ///< "form": "trusted"
    bool noauto = false;
    bool keep_keys = false;

    /// Calls `each` with each signature, as Volume::signatures() has them; stops at the first false.
    template<typename Each>
    [[nodiscard]] bool all_signatures(const Each& each) const {
        return each(signature) && (filename_signature.empty() || each(filename_signature));
    }
};

/// Nothing when anything in it is not plainly good, or is a form that this reader does not have.
[[nodiscard]] std::optional<std::vector<PlainVolume>> read_plain_manifest(std::string_view text);

} // namespace sealmount
