// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/files/mounted_files.hpp"

#include "sys/files/partitions.hpp"
#include "unit/vectors.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

namespace sealmount {

namespace fs = std::filesystem;

using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

class MountedFilesTest : public ::testing::Test {
  protected:
    using Kind = MountedFiles::Kind;

    void SetUp() override {
        std::string name = (fs::temp_directory_path() / "sealmount-mounted.XXXXXX").string();
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        top = fs::canonical(name);
        write("dir/file", "content");
    }
    void TearDown() override { fs::remove_all(top); }

    void write(const std::string& path, const std::string& content) const {
        fs::create_directories((top / path).parent_path());
        std::ofstream{top / path} << content;
    }
    [[nodiscard]] MountedFiles files(const std::string& root = "/") const {
        return MountedFiles{"hd0,gpt1", {{.root = root, .mountpoint = top}}};
    }

    fs::path top;
};

TEST_F(MountedFilesTest, WhatIsThereIsRead) {
    EXPECT_EQ(files().kind("/dir"), Kind::directory);
    EXPECT_EQ(files().kind("/dir/file"), Kind::file);
    EXPECT_EQ(files().kind("/dir/none"), Kind::missing);
    EXPECT_EQ(files().kind("/dir/file/none"), Kind::missing);
    EXPECT_EQ(files().read("/dir/file", 7), "content");
    EXPECT_EQ(test::reason_of([&] { (void)files().read("/dir/file", 6); }), Reason::bad_data);
    EXPECT_EQ(test::reason_of([&] { (void)files().read("/dir", 6); }), Reason::no_input);
    write("dir/other", "");
    EXPECT_THAT(files().names("/dir"), UnorderedElementsAre("file", "other"));
}

TEST_F(MountedFilesTest, LinksBeginAtTheFileSystemsOwnRoot) {
    fs::create_symlink("/dir/file", top / "absolute");
    fs::create_symlink("../../../dir", top / "upwards");
    EXPECT_EQ(files().read("/absolute", 100), "content");
    EXPECT_EQ(files().read("/upwards/file", 100), "content");
    fs::create_symlink("loop", top / "loop");
    EXPECT_EQ(test::reason_of([&] { (void)files().kind("/loop"); }), Reason::unavailable);
}

TEST_F(MountedFilesTest, APartOfAFileSystemHasOnlyItself) {
    EXPECT_EQ(files("/@").read("/@/dir/file", 100), "content");
    EXPECT_THAT(test::message_of([&] { (void)files("/@").kind("/dir/file"); }), HasSubstr("is not mounted"));
    fs::create_symlink("/dir/file", top / "absolute");
    EXPECT_EQ(test::reason_of([&] { (void)files("/@").kind("/@/absolute"); }), Reason::unavailable);
}

TEST_F(MountedFilesTest, WhatIsMountedOnTopIsNotTakenForIt) {
    const MountedFiles root{"hd0,gpt2", {{.root = "/", .mountpoint = "/"}}};
    EXPECT_EQ(test::reason_of([&] { (void)root.kind("/proc/self/status"); }), Reason::unavailable);
    const MountedFiles covered{"hd0,gpt2", {{.root = "/", .mountpoint = top, .id = ~std::uint64_t{0}}}};
    EXPECT_THAT(test::message_of([&] { (void)covered.kind("/dir"); }), HasSubstr("is not mounted"));
}

TEST_F(MountedFilesTest, AFileThatOthersMayWriteToIsNotRead) {
    fs::permissions(top / "dir/file", fs::perms::group_write, fs::perm_options::add);
    EXPECT_EQ(test::reason_of([&] { (void)files().read("/dir/file", 100); }), Reason::config);
}

TEST_F(MountedFilesTest, PartitionsAreAsUdevDescribesThem) {
    const auto device = [this](const std::string& path, const std::string& number, const std::string& udev) {
        write("sys/devices/" + path + "/dev", number + "\n");
        if (!udev.empty()) {
            write("run/udev/data/b" + number, udev);
        }
        fs::create_directories(top / "sys/class/block");
        fs::create_symlink("../../devices/" + path, top / "sys/class/block" / fs::path{path}.filename());
    };
    device("pci/nvme0n1", "259:0", "E:ID_PART_TABLE_TYPE=gpt\n");
    device("pci/nvme0n1/nvme0n1p2", "259:2",
           "S:disk/by-label/x\nE:ID_FS_USAGE=filesystem\nE:ID_FS_TYPE=btrfs\nE:ID_FS_UUID_ENC=ab-cd\n"
           "E:ID_FS_LABEL_ENC=a\\x20b\nE:ID_PART_ENTRY_SCHEME=gpt\nE:ID_PART_ENTRY_UUID=12-34\n");
    write("sys/devices/pci/nvme0n1/nvme0n1p2/partition", "2\n");
    device("virtual/loop0", "7:0", "E:ID_FS_USAGE=filesystem\nE:ID_FS_TYPE=squashfs\n");
    write("proc/self/mountinfo",
          "30 1 0:25 /@ / rw - btrfs /dev/nvme0n1p2 rw\n"
          "31 30 259:2 / /mnt rw - ext4 /dev/other rw\n31 30 259:3 / /no rw - ext4 x rw\n");
    const Disks disks = disks_of(top);
    ASSERT_EQ(disks.partitions.size(), 1U);
    const Partition& found = disks.partitions.front();
    EXPECT_EQ(found.disk + "," + std::to_string(found.number) + "," + found.scheme, "nvme0n1,2,gpt");
    EXPECT_EQ(found.uuid + "," + found.label + "," + found.guid + "," + found.type, "ab-cd,a b,12-34,btrfs");
    ASSERT_EQ(found.mounts.size(), 2U);
    EXPECT_EQ(found.mounts[0].root, "/@");
    EXPECT_EQ(found.mounts[1].mountpoint, top / "mnt");
    EXPECT_FALSE(disks.has_more);
    device("pci/sdb", "8:16", "E:ID_FS_USAGE=filesystem\nE:ID_FS_TYPE=ext4\n");
    EXPECT_TRUE(disks_of(top).has_more);
}

} // namespace sealmount
