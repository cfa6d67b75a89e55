// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/files/mounts.hpp"

#include <gtest/gtest.h>

namespace sealmount::testing {

namespace {

constexpr auto mountinfo = "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
                           "23 22 0:40 / /srv/a\\040b rw shared:1 master:2 - ecryptfs /srv/.a\\040b rw,x\n"
                           "not a mount\n"
                           "24 23 0:41 / /srv/a\\040b ro - tmpfs none ro\n";

} // namespace

TEST(MountListTest, WhatIsOnTopIsWhatIsThere) {
    const MountList list = MountList::parsed(mountinfo);
    ASSERT_TRUE(list.at("/srv/a b"));
    EXPECT_EQ(list.at("/srv/a b")->type, "tmpfs");
    EXPECT_EQ(list.at("/srv/a b/")->type, "tmpfs");
    EXPECT_EQ(list.at("/")->source, "/dev/sda1");
    EXPECT_FALSE(list.at("/srv"));
}

TEST(MountListTest, AllAreInTheirOrder) {
    const MountList list = MountList::parsed(mountinfo);
    ASSERT_EQ(list.all().size(), 3U);
    EXPECT_EQ(list.all()[1].type, "ecryptfs");
    EXPECT_EQ(list.all()[1].source, "/srv/.a b");
    EXPECT_EQ(list.all()[1].options, "rw,x");
    EXPECT_EQ(list.all()[1].mountpoint, "/srv/a b");
}

} // namespace sealmount::testing
