// What mount.sealmount makes of the words that mount(8) gives it: a call of mount(2), when nothing in them is
// unusual.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace sealmount {

struct PlainMount {
    std::string_view lower;
    std::string_view mountpoint;
    unsigned long flags = 0; ///< MS_* of mount(2)
    std::string options;     ///< the eCryptfs options, for the kernel

    bool operator==(const PlainMount&) const = default;
};

/// `words` are SPEC DIR and, anywhere, -o OPTIONS (mount(8), "EXTERNAL HELPERS"). Nothing where there is any
/// other word, or an option that is neither an eCryptfs option nor a flag that says the same to mount(8) and
/// to the kernel (mount(8), "FILESYSTEM-INDEPENDENT MOUNT OPTIONS"): mount(8) itself is the one to ask then.
[[nodiscard]] std::optional<PlainMount> plain_mount(std::span<const std::string_view> words);

/// mount(2); false when the kernel refuses.
[[nodiscard]] bool mount_plainly(const PlainMount& mount);

} // namespace sealmount
