// The boot story where nothing is unusual: the keys of a volume, and of every other automatic volume under
// its master key, by one unseal. It ends as load_volume() (core/unlock/unlock.hpp) ends in the same state, or
// it changes nothing and leaves the work to that: whatever must be asked, explained or computed is not its
// business.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/unlock/plain_state.hpp"
#include "sys/raw/boot_kernel.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sealmount {

/// What to load.
struct BootJob {
    enum class Kind {
        volume, ///< the volume of that name, and what comes along
        master, ///< every automatic volume under the master key of that name
    };
    Kind kind = Kind::volume;
    std::string_view name;
};

enum class PlainOutcome {
    done,       ///< as the report has it
    other_form, ///< nothing was changed; this kernel takes the other form of a master key
    not_plain,  ///< no key is loaded that was not; whoever takes over begins again
};

struct PlainReport {
    std::string master;
    bool was_loaded = false;          ///< the keys were there already
    std::uint32_t slot = 0;           ///< that opened, if not
    std::vector<std::string> along{}; ///< the volumes whose keys were loaded too; with a master's job, all
};

/// Called when another unlock holds the lock, before it is waited for.
using WaitNotice = void (*)();

[[nodiscard]] PlainOutcome plain_load(BootKernel& kernel, const PlainPlaces& places, const BootJob& job,
                                      WaitNotice waits, PlainReport& report);

/// Takes the volume's keys out as unload_volume() does. `done`, or `not_plain` with the notes as they were.
[[nodiscard]] PlainOutcome plain_unload(BootKernel& kernel, const PlainPlaces& places, std::string_view name);

} // namespace sealmount
