// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/files/ground.hpp"

#include "unit/fake_proc.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <sys/stat.h>

namespace sealmount::testing {

namespace {

/// A view of this machine, and a directory in it.
class GroundTest : public ::testing::Test {
  protected:
    GroundTest() : view(std::move(*MountView::of("/proc/self"))) {
        std::filesystem::create_directories(lower());
    }

    [[nodiscard]] std::string lower() const { return (fake.root("here") / "lower").string(); }
    [[nodiscard]] GroundLook look() const { return look_at_ground(view, lower()).value(); }

    FakeProc fake;
    MountView view;
};

TEST_F(GroundTest, ADirectoryIsEmptyUntilItHasAFile) {
    EXPECT_TRUE(look().ground.empty);
    std::filesystem::create_directory(lower() + "/lost+found");
    EXPECT_TRUE(look().ground.empty) << "a new file system has that";
    std::ofstream{lower() + "/file"} << "text";
    EXPECT_FALSE(look().ground.empty);
    EXPECT_EQ(look().is_empty, false);
}

TEST_F(GroundTest, TheInodeIsThatOfTheDirectoryWhereItLasts) {
    struct ::stat status = {};
    ASSERT_EQ(::stat(lower().c_str(), &status), 0);
    const GroundLook found = look();
    if (found.ground.inode == 0) {
        GTEST_SKIP() << "the temporary directory is on " << found.type << ", which keeps no inode numbers";
    }
    EXPECT_EQ(found.ground.inode, status.st_ino);
    EXPECT_EQ(found.ground.uuid.size(), 36U) << found.type;
    EXPECT_EQ(look().ground, found.ground) << "the same again";
    std::filesystem::rename(lower(), lower() + "-before");
    std::filesystem::create_directory(lower());
    EXPECT_NE(look().ground.inode, found.ground.inode) << "another directory at the same path";
    EXPECT_EQ(look().ground.uuid, found.ground.uuid);
}

TEST_F(GroundTest, ADirectoryMadeAgainHasAnotherGroundEvenWithTheSameNumber) {
    const GroundLook found = look();
    if (!found.ground.generation) {
        GTEST_SKIP() << "the temporary directory is on " << found.type << ", which knows no generations";
    }
    std::filesystem::remove(lower());
    std::filesystem::create_directory(lower());
    EXPECT_NE(look().ground, found.ground);
}

TEST_F(GroundTest, WhatIsNotThereIsAnErrno) {
    EXPECT_EQ(look_at_ground(view, lower() + "/none").error(), ENOENT);
    std::ofstream{lower() + "/file"} << "text";
    EXPECT_EQ(look_at_ground(view, lower() + "/file").error(), ENOTDIR);
}

TEST_F(GroundTest, FileSystemsThatForgetHaveNeitherUuidNorInode) {
    const auto found = look_at_ground(view, "/proc/self/fd");
    ASSERT_TRUE(found);
    EXPECT_EQ(found->ground.uuid, "");
    EXPECT_EQ(found->ground.inode, 0U);
    EXPECT_EQ(found->type, "proc");
}

TEST_F(GroundTest, ReadOnlyIsWhatTheTableOfMountsSays) {
    fake.process("9", "x", "22 1 8:1 / / ro,relatime - ext4 /dev/sda1 rw\n", "here");
    const auto confined = MountView::of(fake.proc() / "9");
    ASSERT_TRUE(confined);
    EXPECT_TRUE(look_at_ground(*confined, "/lower").value().read_only);
    EXPECT_FALSE(look().read_only);
}

TEST_F(GroundTest, PeopleReadWhatIsKnown) {
    EXPECT_EQ(describe(Ground{.uuid = "0b5c1a5e-0000-4000-8000-000000000001", .inode = 12, .generation = 7}),
              "inode 12 (generation 7) of the file system 0b5c1a5e-0000-4000-8000-000000000001");
    EXPECT_EQ(describe(Ground{.uuid = "", .inode = 0, .empty = true}),
              "a directory of a file system without a lasting UUID, empty");
}

} // namespace

} // namespace sealmount::testing
