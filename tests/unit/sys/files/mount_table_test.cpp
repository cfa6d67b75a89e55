// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/files/mount_table.hpp"

#include "sys/files/mount_view.hpp"
#include "unit/fake_proc.hpp"

#include <gtest/gtest.h>

namespace sealmount::testing {

namespace {

constexpr auto text = R"(22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 8:2 /data /srv rw,relatime shared:2 master:1 - xfs /dev/sda2 rw,attr2
31 30 0:50 / /srv/vault rw,nosuid - ecryptfs /srv/.vault rw,ecryptfs_sig=7f475b5d20a645dc
32 22 8:3 / /mnt/with\040blank ro,relatime - ext4 /dev/sda3 rw
33 22 8:4 / /media rw - ext4 /dev/sda4 ro,errors=remount-ro
34 33 8:5 / /media/inner rw - ext4 /dev/sda5 rw
35 22 8:6 / /media rw - ext4 /dev/sda6 rw
not a line
36 22 8:7 / relative rw - ext4 /dev/sda7 rw
)";

TEST(MountTableTest, LinesAreReadWithTheirEscapes) {
    const MountTable table = MountTable::parsed(text);
    ASSERT_EQ(table.lines().size(), 7U);
    EXPECT_EQ(table.lines()[1], (MountLine{.id = 30,
                                           .parent = 22,
                                           .device = "8:2",
                                           .root = "/data",
                                           .mountpoint = "/srv",
                                           .type = "xfs",
                                           .source = "/dev/sda2",
                                           .read_only = false}));
    EXPECT_EQ(table.lines()[2].type, "ecryptfs");
    EXPECT_EQ(table.lines()[2].source, "/srv/.vault");
    EXPECT_EQ(table.lines()[3].mountpoint, "/mnt/with blank");
    EXPECT_TRUE(table.lines()[3].read_only) << "the mount";
    EXPECT_TRUE(table.lines()[4].read_only) << "the file system";
}

TEST(MountTableTest, APathLeadsToThePlaceBehindItsMounts) {
    const MountTable table = MountTable::parsed(text);
    EXPECT_EQ(table.place_of("/"), (FilePlace{"8:1", "/"}));
    EXPECT_EQ(table.place_of("/etc"), (FilePlace{"8:1", "/etc"}));
    EXPECT_EQ(table.place_of("/srv"), (FilePlace{"8:2", "/data"}));
    EXPECT_EQ(table.place_of("/srv/.vault/a"), (FilePlace{"8:2", "/data/.vault/a"}));
    EXPECT_EQ(table.place_of("/srv/vault/a"), (FilePlace{"0:50", "/a"}));
    EXPECT_EQ(table.place_of("/srvother"), (FilePlace{"8:1", "/srvother"}));
    EXPECT_EQ(MountTable::parsed("").place_of("/srv"), std::nullopt);
}

TEST(MountTableTest, WhatIsMountedOverCoversWhatIsBelow) {
    const MountTable table = MountTable::parsed(text);
    EXPECT_EQ(table.place_of("/media/x"), (FilePlace{"8:4", "/x"})) << "the first of two on one directory";
    const MountTable stacked = MountTable::parsed("22 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
                                                  "33 22 8:4 / /media rw - ext4 /dev/sda4 rw\n"
                                                  "34 33 8:5 / /media/inner rw - ext4 /dev/sda5 rw\n"
                                                  "35 33 8:6 / /media rw - ext4 /dev/sda6 rw\n");
    EXPECT_EQ(stacked.place_of("/media/inner/x"), (FilePlace{"8:6", "/inner/x"}));
    ASSERT_NE(stacked.mounted_at("/media"), nullptr);
    EXPECT_EQ(stacked.mounted_at("/media")->device, "8:6");
    EXPECT_EQ(stacked.mounted_at("/media/inner"), nullptr);
    EXPECT_EQ(stacked.mounted_at("/srv"), nullptr);
}

TEST(MountTableTest, MountsOnEachOtherEndTheSearch) {
    const MountTable table = MountTable::parsed("1 2 8:1 / / rw - ext4 a rw\n2 1 8:2 / / rw - ext4 b rw\n");
    EXPECT_NE(table.covering("/x"), nullptr);
}

TEST(MountTableTest, NearnessIsThatOfDirectories) {
    EXPECT_EQ(nearness("/a/b", "/a/b"), Nearness::same);
    EXPECT_EQ(nearness("/a", "/a/b"), Nearness::above);
    EXPECT_EQ(nearness("/a/b", "/a"), Nearness::below);
    EXPECT_EQ(nearness("/", "/a"), Nearness::above);
    EXPECT_EQ(nearness("/a", "/ab"), Nearness::apart);
    EXPECT_EQ(nearness(FilePlace{"8:1", "/a"}, FilePlace{"8:2", "/a"}), Nearness::apart);
    EXPECT_EQ(nearness(FilePlace{"8:1", "/a"}, FilePlace{"8:1", "/a/b"}), Nearness::above);
}

TEST(MountViewTest, PathsAreThoseOfTheProcess) {
    const FakeProc fake;
    fake.process("7", "daemon", text, "inside");
    std::filesystem::create_directories(fake.root("inside") / "srv/.vault");
    std::filesystem::create_directories(fake.root("inside") / "home");
    FakeProc::link(fake.root("inside") / "home/link", "/srv/.vault");
    const auto view = MountView::of(fake.proc() / "7");
    ASSERT_TRUE(view);
    EXPECT_TRUE(view->reaches_root());
    EXPECT_EQ(view->resolved("/srv/.vault"), "/srv/.vault");
    EXPECT_EQ(view->resolved("/home/link"), "/srv/.vault") << "an absolute link stays in its root";
    EXPECT_EQ(view->resolved("/none"), std::nullopt);
    EXPECT_EQ(view->place_of("/home/link"), (FilePlace{"8:2", "/data/.vault"}));
    EXPECT_EQ(view->place_of("/none"), (FilePlace{"8:1", "/none"})) << "as it is written";
    EXPECT_FALSE(MountView::of(fake.proc() / "8"));
}

TEST(MountViewTest, WithoutItsRootPathsAreTakenAsWritten) {
    const FakeProc fake;
    fake.process("7", "daemon", text, "inside");
    std::filesystem::remove(fake.proc() / "7/root");
    const auto view = MountView::of(fake.proc() / "7");
    ASSERT_TRUE(view);
    EXPECT_FALSE(view->reaches_root());
    EXPECT_EQ(view->place_of("/srv/.vault"), (FilePlace{"8:2", "/data/.vault"}));
}

} // namespace

} // namespace sealmount::testing
