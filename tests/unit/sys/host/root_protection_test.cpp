// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/host/root_protection.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <string>

namespace sealmount::testing {

namespace {

namespace fs = std::filesystem;

/// A root of its own, with /sys and /dev as the kernel and udev(7) make them.
class RootProtectionTest : public ::testing::Test {
  protected:
    void SetUp() override {
        std::string name = (fs::temp_directory_path() / "sealmount-disks.XXXXXX").string();
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        root = fs::canonical(name);
        fs::create_directories(root / "sys/dev/block");
        fs::create_directories(root / "sys/fs/btrfs");
        fs::create_directories(root / "dev/mapper");
    }
    void TearDown() override { fs::remove_all(root); }

    void write(const fs::path& name, const std::string& text) const {
        fs::create_directories((root / name).parent_path());
        std::ofstream{root / name} << text;
    }
    void number(const std::string& device, const std::string& place) const {
        fs::create_directory_symlink(root / "sys" / place, root / "sys/dev/block" / device);
    }
    /// /dev/sda with two partitions.
    void add_disk() const {
        fs::create_directories(root / "sys/block/sda/device");
        write("sys/block/sda/sda1/partition", "1\n");
        write("sys/block/sda/sda2/partition", "2\n");
        number("8:1", "block/sda/sda1");
        number("8:2", "block/sda/sda2");
    }
    /// /dev/dm-N, made from these places.
    void add_mapped(const unsigned n, const std::string& uuid, const std::vector<std::string>& parts) const {
        const std::string place = "block/dm-" + std::to_string(n);
        write("sys/" + place + "/dm/uuid", uuid + "\n");
        fs::create_directories(root / "sys" / place / "slaves");
        for (const std::string& part : parts) {
            fs::create_directory_symlink(root / "sys" / part,
                                         root / "sys" / place / "slaves" / fs::path{part}.filename());
        }
        number("253:" + std::to_string(n), place);
    }
    [[nodiscard]] DiskProtection protection(const std::string& device, const std::string& type = "ext4",
                                            const std::string& source = "/dev/root") const {
        return root_protection("21 1 " + device + " / / rw - " + type + " " + source + " rw\n", root);
    }

    fs::path root;
};

TEST_F(RootProtectionTest, APartitionIsOpen) {
    add_disk();
    EXPECT_EQ(protection("8:1"), DiskProtection::open);
}

TEST_F(RootProtectionTest, DmCryptAndDmVerityProtect) {
    add_disk();
    add_mapped(0, "CRYPT-LUKS2-0123-root", {"block/sda/sda1"});
    add_mapped(1, "CRYPT-VERITY-0123-root", {"block/sda/sda1", "block/sda/sda2"});
    EXPECT_EQ(protection("253:0"), DiskProtection::encrypted);
    EXPECT_EQ(protection("253:1"), DiskProtection::verified);
}

TEST_F(RootProtectionTest, OnWhatAVolumeLiesDecides) {
    add_disk();
    add_mapped(0, "CRYPT-LUKS2-0123-root", {"block/sda/sda1"});
    add_mapped(1, "LVM-0123", {"block/dm-0"});
    add_mapped(2, "LVM-0124", {"block/dm-0", "block/sda/sda2"});
    add_mapped(3, "CRYPT-INTEGRITY-0123-root", {"block/sda/sda2"});
    EXPECT_EQ(protection("253:1"), DiskProtection::encrypted);
    EXPECT_EQ(protection("253:2"), DiskProtection::open) << "a part of it is";
    EXPECT_EQ(protection("253:3"), DiskProtection::open) << "whoever has the disk writes checksums, too";
}

TEST_F(RootProtectionTest, BtrfsHasTheDevicesThatItSays) {
    add_disk();
    add_mapped(0, "CRYPT-LUKS2-0123-root", {"block/sda/sda1"});
    write("dev/dm-0", "");
    fs::create_symlink("../dm-0", root / "dev/mapper/luks-0123");
    EXPECT_EQ(protection("0:33", "btrfs", "/dev/mapper/luks-0123"), DiskProtection::unknown);
    fs::create_directories(root / "sys/fs/btrfs/0123/devices");
    fs::create_directory_symlink(root / "sys/block/dm-0", root / "sys/fs/btrfs/0123/devices/dm-0");
    EXPECT_EQ(protection("0:33", "btrfs", "/dev/mapper/luks-0123"), DiskProtection::encrypted);
    fs::create_directory_symlink(root / "sys/block/sda/sda2", root / "sys/fs/btrfs/0123/devices/sda2");
    EXPECT_EQ(protection("0:33", "btrfs", "/dev/mapper/luks-0123"), DiskProtection::open);
}

TEST_F(RootProtectionTest, WhatHasNoDiskIsUnknown) {
    write("sys/block/loop0/loop/backing_file", "/image");
    number("7:0", "block/loop0");
    EXPECT_EQ(protection("7:0"), DiskProtection::unknown);
    EXPECT_EQ(protection("0:27", "overlay", "overlay"), DiskProtection::unknown);
    EXPECT_EQ(root_protection("", root), DiskProtection::unknown);
    add_mapped(0, "LVM-0123", {});
    EXPECT_EQ(protection("253:0"), DiskProtection::unknown);
    add_mapped(1, "LVM-0124", {"block/dm-2"});
    add_mapped(2, "LVM-0125", {"block/dm-1"});
    EXPECT_EQ(protection("253:1"), DiskProtection::unknown) << "a loop ends";
}

TEST_F(RootProtectionTest, TheMountOnTopCounts) {
    add_disk();
    add_mapped(0, "CRYPT-LUKS2-0123-root", {"block/sda/sda1"});
    EXPECT_EQ(root_protection("1 1 0:2 / / rw - rootfs none rw\n21 1 253:0 / / rw - ext4 /dev/dm-0 rw\n"
                              "22 21 8:2 / /home rw - ext4 /dev/sda2 rw\n",
                              root),
              DiskProtection::encrypted);
}

TEST_F(RootProtectionTest, SecureBootIsWhatTheVariableSays) {
    const std::string variable = "sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";
    EXPECT_EQ(secure_boot_is_on(root), false) << "no UEFI";
    fs::create_directories(root / "sys/firmware/efi");
    EXPECT_EQ(secure_boot_is_on(root), std::nullopt);
    write(variable, std::string("\6\0\0\0\1", 5));
    EXPECT_EQ(secure_boot_is_on(root), true);
    write(variable, std::string("\6\0\0\0\0", 5));
    EXPECT_EQ(secure_boot_is_on(root), false);
    write(variable, "x");
    EXPECT_EQ(secure_boot_is_on(root), std::nullopt);
}

TEST_F(RootProtectionTest, TheNullKeyShowsThatTheBusIsEncrypted) {
    EXPECT_FALSE(kernel_encrypts_tpm_bus(root));
    write("sys/class/tpm/tpm0/null_name", "000b\n");
    EXPECT_TRUE(kernel_encrypts_tpm_bus(root));
}

} // namespace

} // namespace sealmount::testing
