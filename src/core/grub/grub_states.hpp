// The states that grubenv may be in when the next boot finds it, and what that boot then measures.
//
// Sources: commands/loadenv.c (GRUB writes what the script says: next_entry is emptied, recordfail set,
// saved_entry changed, boot_success and boot_counter reset), Debian's grub-common.service (it drops
// recordfail once the machine is up), Ubuntu's grub-initrd-fallback.service (initrdfail likewise), Fedora's
// grub-boot-success.service (it sets boot_success). A machine that is switched off early leaves the one
// state, one that runs on the other; the block itself is measured, so each is a value of its own.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/grub/grub_boot.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace sealmount {

struct GrubState {
    std::string origin{};      ///< a clause: "as it is now", "as GRUB leaves it", "with recordfail dropped"
    std::string environment{}; ///< the whole block; "" when the script loads none
    GrubBoot boot{};
};

/// The state of now first, then the ones that follow from it, boot after boot, each once. At most `limit`:
/// a counter makes new ones for a long time.
[[nodiscard]] std::vector<GrubState> grub_states(const GrubStart& start, const GrubMachine& machine,
                                                 std::size_t limit = 8);

} // namespace sealmount
