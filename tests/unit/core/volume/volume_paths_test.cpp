// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/volume/volume_paths.hpp"

#include <gmock/gmock.h>

#include <cerrno>

namespace sealmount::testing {

namespace {

using ::testing::HasSubstr;

Volume private_volume() {
    Volume volume;
    volume.name = "private-anna";
    volume.lower = "/home/anna/.Private";
    volume.mountpoint = "/home/anna/Private";
    return volume;
}

Swap in_home(const std::string& component, const SwapBy by = SwapBy::owner, const unsigned id = 1000) {
    return {.by = by, .id = id, .component = component, .holder = "/home/anna"};
}

PathLook look_with(std::vector<Swap> swaps) {
    PathLook look;
    look.swaps = std::move(swaps);
    look.owner = 1000;
    return look;
}

std::string words(const std::optional<Problem>& problem) {
    return problem ? problem->message : "";
}

TEST(VolumePathsTest, TheLastComponentOfAMountPointIsLeftToItsGuard) {
    const Volume volume = private_volume();
    const PathLook look = look_with({in_home("/home/anna/Private")});
    EXPECT_FALSE(problem_with_mountpoint(volume, look, LastComponent::guarded));
    const auto problem = problem_with_mountpoint(volume, look, LastComponent::as_it_is);
    EXPECT_EQ(words(problem), "the mount point /home/anna/Private is not immutable, and can be replaced by "
                              "user 1000, whose directory /home/anna is");
    EXPECT_EQ(problem->advice.kind, AdviceKind::guard_mountpoint);
    EXPECT_EQ(problem->advice.subject, "/home/anna/Private");
}

TEST(VolumePathsTest, AnyOtherComponentIsNot) {
    Volume volume = private_volume();
    volume.mountpoint = "/home/anna/a/x";
    const PathLook look = look_with({in_home("/home/anna/a"), in_home("/home/anna/a/x")});
    const auto problem = problem_with_mountpoint(volume, look, LastComponent::guarded);
    EXPECT_EQ(words(problem), "/home/anna/a can be replaced by user 1000, whose directory /home/anna is: a "
                              "mount on /home/anna/a/x could end up anywhere");
    EXPECT_EQ(problem->advice.kind, AdviceKind::use_safe_mountpoint);
    EXPECT_EQ(problem->advice.other, "/home/anna");
}

TEST(VolumePathsTest, NothingIsMadeInAUsersDirectory) {
    PathLook look = look_with({in_home("/home/anna/Private")});
    look.missing = "/home/anna/Private";
    const auto problem = problem_with_mountpoint(private_volume(), look, LastComponent::guarded);
    EXPECT_THAT(words(problem), HasSubstr("/home/anna/Private is missing"));
    EXPECT_EQ(problem->advice.kind, AdviceKind::make_mountpoint_safe);
    look.swaps.clear();
    EXPECT_FALSE(problem_with_mountpoint(private_volume(), look, LastComponent::guarded));
}

TEST(VolumePathsTest, ALinkIsNoMountPoint) {
    PathLook look;
    look.link = "/home";
    EXPECT_EQ(words(problem_with_mountpoint(private_volume(), look, LastComponent::guarded)),
              "/home, in the path of the mount point /home/anna/Private, is a symbolic link");
}

TEST(VolumePathsTest, TheOwnerOfALowerDirectoryHasItInHisHands) {
    EXPECT_FALSE(problem_with_lower(private_volume(), look_with({in_home("/home/anna/.Private")})));
}

TEST(VolumePathsTest, AnybodyElseHasNot) {
    const Volume volume = private_volume();
    EXPECT_THAT(
        words(problem_with_lower(volume, look_with({in_home("/home/anna/.Private", SwapBy::owner, 1001)}))),
        HasSubstr(
            "/home/anna/.Private can be replaced by user 1001, whose directory /home/anna is, while the "
            "lower directory /home/anna/.Private belongs to user 1000"));
    EXPECT_THAT(
        words(problem_with_lower(volume, look_with({in_home("/home/anna/.Private", SwapBy::group, 100)}))),
        HasSubstr("by the members of group 100, who may write to /home/anna"));
    EXPECT_THAT(
        words(problem_with_lower(volume, look_with({in_home("/home/anna/.Private", SwapBy::everybody)}))),
        HasSubstr("by everybody"));
    EXPECT_THAT(
        words(problem_with_lower(volume, look_with({in_home("/home/anna/.Private", SwapBy::listed)}))),
        HasSubstr("the access list of /home/anna"));
    PathLook of_root = look_with({in_home("/home/anna/.Private")});
    of_root.owner = 0;
    EXPECT_THAT(words(problem_with_lower(volume, of_root)), HasSubstr("belongs to root"));
}

TEST(VolumePathsTest, ALinkOfAUserIsNoLowerDirectory) {
    PathLook look = look_with({in_home("/home/anna/.Private")});
    look.owner.reset();
    look.link = "/home/anna/.Private";
    EXPECT_EQ(words(problem_with_lower(private_volume(), look)),
              "/home/anna/.Private, in the path of the lower directory /home/anna/.Private, is a symbolic "
              "link, which can be replaced by user 1000, whose directory /home/anna is");
}

TEST(VolumePathsTest, WhatIsAbsentOrClosedIsForOthersToSay) {
    PathLook look = look_with({in_home("/home/anna/.Private")});
    look.owner.reset();
    look.missing = "/home/anna/.Private";
    EXPECT_FALSE(problem_with_lower(private_volume(), look));
    PathLook closed;
    closed.error = EACCES;
    EXPECT_FALSE(problem_with_lower(private_volume(), closed));
    EXPECT_FALSE(problem_with_mountpoint(private_volume(), closed, LastComponent::as_it_is));
}

} // namespace

} // namespace sealmount::testing
