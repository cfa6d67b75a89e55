// Which systems satisfy a policy on a machine, beside the one that it was made for.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/policy/policy.hpp"

#include <optional>

namespace sealmount {

/// From the least that a policy requires to the most. What one that requires more does not close, those
/// before it do not close either.
enum class Reach {
    anything,     ///< it has no condition about what is booted
    any_system,   ///< its PCRs have the same values whatever is booted, or can be given them by it
    vendor,       ///< any system that Secure Boot accepts on this machine
    unknown,      ///< which PCRs it requires cannot be found out
    initrd,       ///< this boot loader and kernel, perhaps with another initrd or command line
    command_line, ///< the same with this initrd, perhaps with another command line
    measured,     ///< only what was measured
};

/// What must be known of the machine.
struct MeasuringMachine {
    std::optional<bool> secure_boot{};  ///< is it on? Nothing: that cannot be found out
    bool has_measured_commands = false; ///< PCR 8 holds something: GRUB measures command lines there
    bool has_measured_security = true;  ///< PCR 7 holds something
};

/// Only PCRs 0 to 7 are extended before the code that they are about runs. Whatever runs can extend the
/// others by itself, from zero and with any values, so they count only beside PCR 4, which holds boot loader
/// and kernel (TCG PC Client Platform Firmware Profile, 3.3.4). PCR 7 shows whose signatures were good, and
/// not what was signed. PIN, boot window and the end of a suspension are not looked at.
[[nodiscard]] Reach reach_of(const Policy& policy, const PolicyFileReader& files,
                             const MeasuringMachine& machine);

/// The sentence about it, without a full stop, where others than the system that was approved satisfy it;
/// "" for `measured`.
[[nodiscard]] const char* words_for(Reach reach) noexcept;

} // namespace sealmount
