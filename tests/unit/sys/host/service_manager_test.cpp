// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "base/error.hpp"
#include "sys/host/program.hpp"
#include "sys/host/service_manager.hpp"

#include <gtest/gtest.h>

namespace sealmount::testing {

namespace {

UnitCondition path_exists(std::string path) {
    return {.type = "ConditionPathExists", .parameter = std::move(path)};
}

TEST(UnitConditionTest, IsWrittenAsInAUnitFile) {
    EXPECT_EQ(to_string(path_exists("/etc")), "ConditionPathExists=/etc");
    UnitCondition condition = path_exists("/etc/off");
    condition.is_negated = true;
    EXPECT_EQ(to_string(condition), "ConditionPathExists=!/etc/off");
    condition.is_trigger = true;
    EXPECT_EQ(to_string(condition), "ConditionPathExists=|!/etc/off");
}

TEST(UnitConditionTest, IsJudgedAsSystemdDoes) {
    if (!is_executable("/usr/bin/systemd-analyze")) {
        GTEST_SKIP() << "there is no systemd-analyze";
    }
    EXPECT_TRUE(conditions_hold({}));
    EXPECT_TRUE(conditions_hold({path_exists("/etc")}));
    EXPECT_FALSE(conditions_hold({path_exists("/nonexistent/%h")}));
    EXPECT_FALSE(conditions_hold({path_exists("/etc"), path_exists("/nonexistent")}));
    UnitCondition absent = path_exists("/nonexistent");
    absent.is_negated = true;
    EXPECT_TRUE(conditions_hold({absent}));
    EXPECT_TRUE(conditions_hold({{.type = "AssertPathExists", .parameter = "/etc"}}));
    EXPECT_FALSE(conditions_hold({{.type = "AssertPathExists", .parameter = "/nonexistent"}}));
}

TEST(ProgramTest, OutputAndStatusComeBack) {
    const ProgramOutput output = run_program("/bin/sh", {"sh", "-c", "echo said; exit 3"});
    EXPECT_EQ(output.text, "said\n");
    EXPECT_FALSE(output.succeeded());
    EXPECT_TRUE(run_program("/bin/sh", {"sh", "-c", "exit 0"}).succeeded());
    EXPECT_THROW(static_cast<void>(run_program("/nonexistent", {"x"})), Error);
    EXPECT_TRUE(is_executable("/bin/sh"));
    EXPECT_FALSE(is_executable("/bin"));
    EXPECT_FALSE(is_executable("/nonexistent"));
}

} // namespace

} // namespace sealmount::testing
