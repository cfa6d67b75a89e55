// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/policy/policy_reach.hpp"

namespace sealmount {

namespace {

constexpr PcrMask bit(const unsigned pcr) {
    return PcrMask{1} << pcr;
}

constexpr unsigned boot_loader_code = 4;
constexpr unsigned secure_boot_policy = 7;
constexpr PcrMask commands = bit(8) | bit(11); // GRUB's; a unified image's own
constexpr PcrMask initrds = bit(9) | bit(11);

} // namespace

Reach reach_of(const Policy& policy, const PolicyFileReader& files, const MeasuringMachine& machine) {
    PolicyNeeds needs;
    add_needs(policy, files, needs);
    PcrMask mask = 0;
    for (const auto& [bank, pcrs] : needs.pcrs) {
        mask |= pcrs;
    }
    const auto has = [&](const PcrMask pcrs) { return (mask & pcrs) != 0; };
    if (!has(bit(boot_loader_code))) {
        if (policy.pcrlock) {
            Policy lock_only;
            lock_only.pcrlock = policy.pcrlock;
            PolicyNeeds lock_needs;
            add_needs(lock_only, files, lock_needs);
            if (lock_needs.pcrs.empty()) {
                return Reach::unknown;
            }
        }
        if (mask == 0) {
            return Reach::anything;
        }
        const bool is_verified =
            has(bit(secure_boot_policy)) && machine.has_measured_security && machine.secure_boot != false;
        return is_verified ? Reach::vendor : Reach::any_system;
    }
    if (!has(initrds)) {
        return Reach::initrd;
    }
    return machine.has_measured_commands && !has(commands) ? Reach::command_line : Reach::measured;
}

const char* words_for(const Reach reach) noexcept {
    switch (reach) {
    case Reach::anything:
        return "whoever has the machine gets the key, whatever they boot on it";
    case Reach::any_system:
        return "whatever is booted on this machine can have these PCR values, and whoever boots it gets the "
               "key";
    case Reach::vendor:
        return "whoever boots any system signed by the same vendor on this machine gets the key";
    case Reach::unknown:
        return "which PCRs it requires cannot be found out";
    case Reach::initrd:
        return "whether initrd and command line are a part of what PCR 4 holds is not known: if not, whoever "
               "boots this kernel with others gets the key";
    case Reach::command_line:
        return "GRUB measures command lines into PCR 8, which it does not require: whoever can edit them "
               "gets the key";
    case Reach::measured:
        return "";
    }
    return "";
}

} // namespace sealmount
