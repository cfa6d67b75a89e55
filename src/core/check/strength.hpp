// How strong is it here: what each of those who may be after a master key would get of it on this machine,
// why, and what would raise that. What cannot be found out is unknown, and never counts for it.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/check/check.hpp"
#include "core/policy/policy_reach.hpp"

#include <optional>
#include <string>
#include <vector>

namespace sealmount {

enum class Attacker {
    disk_thief, ///< has the disk
    live_stick, ///< has the machine, and boots what he likes
    hour_alone, ///< has the machine for an hour, and gives it back
    on_the_bus, ///< has tools on the mainboard: listens, changes, resets the TPM
    other_user, ///< has an account
    old_copy,   ///< has a backup of /etc/sealmount
};
inline constexpr Attacker last_attacker = Attacker::old_copy;

/// In ascending order: the worst of several counts.
enum class Gain { nothing, unknown, key };

/// Why somebody gets something, or does not. `subject` of a StrengthPoint is what the comment says.
enum class StrengthReason {
    tpm_is_needed,         ///< without this TPM only a passphrase opens a volume
    recovery_key_is_there, ///< or the recovery key, which is not on the machine
    slot_opens_anything,   ///< a slot, with its policy: Reach::anything
    slot_opens_any_system,
    slot_opens_vendor,
    slot_is_unknown,
    slot_opens_initrd,
    slot_opens_command_line,
    slot_is_measured,
    slot_has_pin,  ///< a slot that opens one of these, but requires a PIN
    slot_is_false, ///< a slot whose object is not sealed to what the file says
    root_is_open,
    root_is_encrypted,
    root_is_verified,
    root_is_unknown,
    kernel_unseals_in_clear,
    kernel_unseals_encrypted, ///< nothing is promised of that
    program_unseals,
    unseal_is_unknown,    ///< which kernel unseals is not known
    pin_crosses_in_clear, ///< the kernel sends it
    measured_by_hand,     ///< whoever resets the TPM measures what he likes
    files_are_private,
    file_is_readable,    ///< which
    lower_is_its_owners, ///< the lower directory
    copy_needs_state,    ///< it opens in the states of its slots, on this machine
};
inline constexpr StrengthReason last_strength_reason = StrengthReason::copy_needs_state;

struct StrengthPoint {
    StrengthReason reason;
    Gain gain = Gain::nothing;
    std::string subject{};
    Advice raise{}; ///< what would raise it

    bool operator==(const StrengthPoint&) const = default;
};

struct AttackerStrength {
    Attacker attacker;
    std::vector<StrengthPoint> points; ///< at least one

    [[nodiscard]] Gain gain() const;
};

struct MasterStrength {
    std::string name;
    std::optional<Error> failure{};            ///< its file cannot be read; then there is nothing else
    std::vector<AttackerStrength> attackers{}; ///< each of them, in their order
};

/// Of each master key that the named volume, or any, uses. Unseals nothing. What concerns the running
/// machine is unknown for another root. Throws Error when there is no such volume or manifest.
[[nodiscard]] std::vector<MasterStrength> strength_of(const CheckContext& context,
                                                      const std::optional<std::string>& name);

/// What a policy lets through here.
[[nodiscard]] MeasuringMachine measuring_machine(const CheckContext& context, Tpm* tpm);

/// Appends a warning for each slot that others than the approved system satisfy.
void check_reach(const CheckContext& context, const std::string& name, const MasterFile& master, Tpm& tpm,
                 std::vector<Finding>& findings);

} // namespace sealmount
