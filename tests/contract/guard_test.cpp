// The guard on a real file system. Skipped if the file system of the temporary directory has no such flag, or
// if the tests do not run as root.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/files/guard.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include <cstdlib>
#include <fstream>
#include <unistd.h>

namespace sealmount {

namespace {

namespace fs = std::filesystem;

class GuardTest : public ::testing::Test {
  protected:
    void SetUp() override {
        std::string name = (fs::temp_directory_path() / "sealmount-guard.XXXXXX").string();
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        top_ = name;
        mountpoint_ = top_ / "mount point";
        fs::create_directory(mountpoint_);
        if (const auto set = set_guard(mountpoint_); !set) {
            GTEST_SKIP() << set.error();
        }
        ASSERT_TRUE(lift_guard(mountpoint_));
    }
    void TearDown() override {
        EXPECT_TRUE(lift_guard(mountpoint_));
        fs::remove_all(top_);
    }

    [[nodiscard]] static bool can_write_into(const fs::path& directory) {
        const fs::path file = directory / "file";
        const bool written = std::ofstream{file}.is_open();
        fs::remove(file);
        return written;
    }

    fs::path top_;
    fs::path mountpoint_;
};

TEST_F(GuardTest, NoSymbolicLinkLeadsItElsewhere) {
    fs::create_directory_symlink(mountpoint_, top_ / "link");
    EXPECT_FALSE(set_guard(top_ / "link"));
    fs::create_directory_symlink(top_, top_ / "up");
    EXPECT_FALSE(set_guard(top_ / "up" / "mount point"));
    EXPECT_FALSE(is_guarded(mountpoint_));
}

TEST_F(GuardTest, LinksOfEcryptfsUtilsAreNoFiles) {
    fs::create_symlink("/usr/share/ecryptfs-utils/ecryptfs-mount-private.txt", mountpoint_ / "README.txt");
    fs::create_symlink("/home/.ecryptfs/anna/.Private", mountpoint_ / ".Private");
    ASSERT_TRUE(set_guard(mountpoint_));
    ASSERT_TRUE(lift_guard(mountpoint_));
    fs::create_symlink("/home/anna/.Private", mountpoint_ / ".ecryptfs");
    EXPECT_FALSE(set_guard(mountpoint_));
}

TEST_F(GuardTest, NobodyWritesIntoAGuardedDirectoryUntilItIsLifted) {
    EXPECT_FALSE(is_guarded(mountpoint_));
    EXPECT_TRUE(can_write_into(mountpoint_));
    ASSERT_TRUE(set_guard(mountpoint_));
    EXPECT_TRUE(is_guarded(mountpoint_));
    EXPECT_FALSE(can_write_into(mountpoint_));
    EXPECT_TRUE(set_guard(mountpoint_)) << "again is not an error";
    ASSERT_TRUE(lift_guard(mountpoint_));
    EXPECT_FALSE(is_guarded(mountpoint_));
    EXPECT_TRUE(can_write_into(mountpoint_));
    EXPECT_TRUE(lift_guard(mountpoint_)) << "again is not an error";
}

TEST_F(GuardTest, ADirectoryWithFilesIsNotGuarded) {
    std::ofstream{mountpoint_ / "file"} << "text";
    const auto set = set_guard(mountpoint_);
    ASSERT_FALSE(set);
    EXPECT_NE(set.error().find("holds files"), std::string::npos) << set.error();
    EXPECT_FALSE(is_guarded(mountpoint_));
}

TEST_F(GuardTest, AMissingDirectoryCannotBeGuarded) {
    EXPECT_FALSE(set_guard(top_ / "none"));
    EXPECT_TRUE(lift_guard(top_ / "none"));
    std::ofstream{top_ / "file"} << "text";
    EXPECT_TRUE(lift_guard(top_ / "file/none"));
    EXPECT_FALSE(is_guarded(top_ / "none"));
}

TEST_F(GuardTest, AFileSystemThatCannotIsAComplaint) {
    const auto set = set_guard("/proc/tty");
    ASSERT_FALSE(set);
    EXPECT_NE(set.error().find("cannot make directories immutable"), std::string::npos) << set.error();
    EXPECT_TRUE(lift_guard("/proc/tty"));
}

/// Where something is mounted, the directory below is meant; and what is mounted stays writable.
TEST_F(GuardTest, TheDirectoryBelowAMountIsGuarded) {
    const pid_t child = ::fork();
    if (child == 0) {
        if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
            ::mount("none", mountpoint_.c_str(), "ramfs", 0, nullptr) != 0 ||
            ::mount("none", mountpoint_.c_str(), "ramfs", 0, nullptr) != 0) {
            ::_exit(77);
        }
        const bool set = set_guard(mountpoint_).has_value() && is_guarded(mountpoint_);
        ::_exit(set && can_write_into(mountpoint_) ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77) {
        GTEST_SKIP() << "may not mount";
    }
    EXPECT_EQ(WEXITSTATUS(status), 0);
    EXPECT_TRUE(is_guarded(mountpoint_));
    EXPECT_FALSE(can_write_into(mountpoint_));
}

} // namespace

} // namespace sealmount
