// The boot story where nothing is unusual: the keys of a volume, or of all that are mounted at boot, by one
// unseal. It ends as load_volume() and load_automatic_volumes() (core/unlock) end in the same state, or it
// loads nothing and leaves the work to them: whatever must be asked, explained or computed is not its
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

/// A volume, for whoever reports about it.
struct PlainName {
    std::string name;
    std::string mountpoint;
};

struct PlainReport {
    enum class Way {
        tpm,
        loaded_already,  ///< with a master's job: all of them
        mounted_already, ///< never with a master's job
    };
    Way way = Way::tpm;
    std::string master;
    PlainName volume{};             ///< that was asked for, or that the master's job began with
    std::uint32_t slot = 0;         ///< that opened, with tpm
    std::vector<PlainName> along{}; ///< the other volumes whose keys were loaded
};

/// Called when another unlock holds the lock, before it is waited for.
using WaitNotice = void (*)();

[[nodiscard]] PlainOutcome plain_load(BootKernel& kernel, const PlainPlaces& places, const BootJob& job,
                                      WaitNotice waits, PlainReport& report);

/// Takes the volume's keys out as unload_volume() does. `done`, or `not_plain` with the notes as they were.
[[nodiscard]] PlainOutcome plain_unload(BootKernel& kernel, const PlainPlaces& places, std::string_view name);

} // namespace sealmount
