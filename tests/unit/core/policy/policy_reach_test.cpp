// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/policy/policy_reach.hpp"

#include "base/error.hpp"

#include <gtest/gtest.h>

#include <string>

namespace sealmount {

namespace {

/// Of literal PCRs.
Reach reach(const std::string& pcrs, const MeasuringMachine& machine = {.secure_boot = true}) {
    Policy policy;
    if (!pcrs.empty()) {
        policy.pcrs = parse_pcr_values(pcrs);
    }
    return reach_of(
        policy, [](const std::string&) -> std::string { return {}; }, machine);
}

TEST(PolicyReachTest, Pcr7AloneIsTheVendor) {
    EXPECT_EQ(reach("7"), Reach::vendor);
    EXPECT_EQ(reach("0+2+7"), Reach::vendor);
    EXPECT_EQ(reach("7", {.secure_boot = std::nullopt}), Reach::vendor) << "at the least";
    EXPECT_EQ(reach("7", {.secure_boot = false}), Reach::any_system);
    EXPECT_EQ(reach("7", {.secure_boot = true, .has_measured_security = false}), Reach::any_system);
}

TEST(PolicyReachTest, WhatRunsCanMeasureIntoTheOthersByItself) {
    EXPECT_EQ(reach(""), Reach::anything);
    EXPECT_EQ(reach("11"), Reach::any_system);
    EXPECT_EQ(reach("8+9"), Reach::any_system);
    EXPECT_EQ(reach("7+11"), Reach::vendor);
    EXPECT_EQ(reach("7+8+9"), Reach::vendor);
    EXPECT_EQ(reach("0+1+2+3"), Reach::any_system);
}

TEST(PolicyReachTest, Pcr4IsTheBootLoaderAndTheKernelAndNothingElse) {
    EXPECT_EQ(reach("4"), Reach::initrd);
    EXPECT_EQ(reach("4+7"), Reach::initrd);
    EXPECT_EQ(reach("4+7+9"), Reach::measured);
    EXPECT_EQ(reach("4+11"), Reach::measured);
    constexpr MeasuringMachine grub{.secure_boot = true, .has_measured_commands = true};
    EXPECT_EQ(reach("4+7+9", grub), Reach::command_line);
    EXPECT_EQ(reach("4+7+8+9", grub), Reach::measured);
    EXPECT_EQ(reach("4+11", grub), Reach::measured);
}

TEST(PolicyReachTest, SignedAndLockedPcrsCountAlike) {
    Policy policy;
    policy.signed_pcrs = SignedPcrs{.selection = {PcrBank::sha256, 1U << 11}, .public_key = {}, .file = "/x"};
    const auto nothing = [](const std::string&) -> std::string {
        throw Error{Reason::no_input, "it is not there"};
    };
    EXPECT_EQ(reach_of(policy, nothing, {}), Reach::any_system) << "any system can measure what was signed";
    policy.pcrs = parse_pcr_values("4");
    EXPECT_EQ(reach_of(policy, nothing, {}), Reach::measured);
    Policy locked;
    locked.pcrlock = PcrlockPcrs{.file = "/y", .nv_index = 1, .nv_name = {}};
    EXPECT_EQ(reach_of(locked, nothing, {}), Reach::unknown);
}

TEST(PolicyReachTest, EachHasASentenceButTheLast) {
    for (int value = 0; value <= static_cast<int>(Reach::measured); ++value) {
        EXPECT_EQ(std::string{words_for(static_cast<Reach>(value))}.empty(),
                  value == static_cast<int>(Reach::measured));
    }
}

} // namespace

} // namespace sealmount
