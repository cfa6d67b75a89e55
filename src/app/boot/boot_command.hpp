// sealmount-unlock as a boot needs it: small enough to cost what its system calls cost. What is not plain is
// left to the program that does everything, which takes this one's place (execve(2)) with the same arguments,
// environment and process id.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/unlock/plain_unlock.hpp"
#include "sys/raw/raw_journal.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace sealmount {

/// What takes over; absolute paths.
struct BootSuccessors {
    const char* other_form; ///< where the kernel takes the other form of a master key; nullptr: there is no
                            ///< such program
    const char* full;
};

/// The whole program but `main`: `load VOLUME`, `load-all MASTER` and `unload VOLUME`. Everything else, help
/// among it, is the full program's. Does not return when another program takes over.
[[nodiscard]] int boot_command(int argc, char* const* argv, BootKernel& kernel,
                               const BootSuccessors& successors);

/// What the journal is given about an unlock, field by field as UnlockJournal::unlocked() has it
/// (app/unlock/unlock_journal.hpp), with what log() and libsystemd add.
struct BootMessage {
    std::string text;
    JournalRecord record;
};
/// The name of a mount unit, as mount_unit_name() (core/volume/unit_text.hpp) makes it; nothing when it would
/// be too long. `mountpoint` is an absolute path.
[[nodiscard]] std::optional<std::string> plain_mount_unit(std::string_view mountpoint);

[[nodiscard]] BootMessage boot_message(const BootJob& job, const PlainReport& report, std::string_view form,
                                       std::string_view program);

} // namespace sealmount
