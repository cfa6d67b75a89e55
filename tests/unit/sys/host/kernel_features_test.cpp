// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/host/kernel_features.hpp"

#include "base/unique_fd.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <string>
#include <sys/socket.h>

namespace sealmount::testing {

namespace {

namespace fs = std::filesystem;

/// A root of its own, with what proc(5) and depmod(8) have there.
class KernelFeaturesTest : public ::testing::Test {
  protected:
    void SetUp() override {
        std::string name = (fs::temp_directory_path() / "sealmount-kernel.XXXXXX").string();
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        root = name;
    }
    void TearDown() override { fs::remove_all(root); }

    void write(const fs::path& name, const std::string& text) const {
        const fs::path file = root / name;
        fs::create_directories(file.parent_path());
        std::ofstream{file} << text;
    }
    void add_module_files() const {
        const fs::path modules = fs::path{"lib/modules"} / kernel_release();
        write(modules / "modules.dep", "kernel/fs/ext4/ext4.ko: kernel/fs/jbd2/jbd2.ko\n"
                                       "kernel/fs/ecryptfs/ecryptfs.ko: kernel/lib/x.ko\n");
        write(modules / "kernel/fs/ecryptfs/ecryptfs.ko", "module");
    }

    fs::path root;
};

TEST(ListedAlgorithmsTest, WholeNamesCount) {
    constexpr auto text =
        "name         : cbc(aes)\ndriver       : cbc-aes-aesni\nmodule       : ecb(twofish)\n\n"
        "name         : md5\ndriver       : md5-generic\n";
    EXPECT_TRUE(lists_algorithm(text, "cbc(aes)"));
    EXPECT_TRUE(lists_algorithm(text, "md5"));
    EXPECT_FALSE(lists_algorithm(text, "ecb(aes)"));
    EXPECT_FALSE(lists_algorithm(text, "aes)"));
    EXPECT_FALSE(lists_algorithm(text, "ecb(twofish)"));
    EXPECT_FALSE(lists_algorithm("", "md5"));
}

TEST_F(KernelFeaturesTest, RegisteredFileSystemIsPresent) {
    write("proc/filesystems", "nodev\tsysfs\n\text4\nnodev\tecryptfs\n");
    EXPECT_EQ(ecryptfs_presence(root), Presence::present);
}

TEST_F(KernelFeaturesTest, ModuleIsLoadableOnlyWithItsFileAndWhileModulesMayBeLoaded) {
    EXPECT_EQ(ecryptfs_presence(root), Presence::absent);
    add_module_files();
    EXPECT_EQ(ecryptfs_presence(root), Presence::loadable);
    write("proc/sys/kernel/modules_disabled", "1\n");
    EXPECT_EQ(ecryptfs_presence(root), Presence::absent);
    write("proc/sys/kernel/modules_disabled", "0\n");
    fs::remove(root / "lib/modules" / kernel_release() / "kernel/fs/ecryptfs/ecryptfs.ko");
    EXPECT_EQ(ecryptfs_presence(root), Presence::absent);
}

TEST_F(KernelFeaturesTest, StateOfModulesIsReadFromProc) {
    const ModuleState empty = module_state(root);
    EXPECT_FALSE(empty.loading_is_disabled);
    EXPECT_FALSE(empty.has_files);
    EXPECT_FALSE(empty.is_fips);
    add_module_files();
    write("proc/sys/kernel/modules_disabled", "1\n");
    write("proc/sys/crypto/fips_enabled", "1\n");
    const ModuleState state = module_state(root);
    EXPECT_TRUE(state.loading_is_disabled);
    EXPECT_TRUE(state.has_files);
    EXPECT_TRUE(state.is_fips);
}

// Of the kernel that runs the test, which may not answer at all.
TEST(KernelCryptoTest, WhatNobodyHasIsNotPresent) {
    EXPECT_NE(crypto_presence("skcipher", "cbc(nothing)"), Presence::present);
    EXPECT_NE(crypto_presence("hash", "nothing"), Presence::present);
    EXPECT_NE(crypto_presence("a type longer than there is", "x"), Presence::present);
    if (crypto_presence("skcipher", "cbc(aes)") == Presence::present) {
        EXPECT_TRUE(has_crypto("skcipher", "cbc(aes)"));
        // Without AF_ALG only what somebody uses is known.
        const UniqueFd socket{::socket(AF_ALG, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)};
        EXPECT_EQ(has_crypto("skcipher", "cbc(nothing)"), !socket);
    }
}

} // namespace

} // namespace sealmount::testing
