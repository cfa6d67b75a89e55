// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/unlock/obstacle.hpp"

#include "sys/files/guard.hpp"
#include "unit/fake_proc.hpp"

#include <gmock/gmock.h>

#include <unistd.h>

namespace sealmount::testing {

namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr auto host = "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n";

/// Files in a directory of this name are taken for eCryptfs's.
bool is_of_detached_mount(const std::string& link) {
    std::error_code failed;
    return std::filesystem::read_symlink(link, failed).string().find("/detached") != std::string::npos;
}

class ObstacleTest : public ::testing::Test {
  protected:
    ObstacleTest() {
        volume.name = "vault";
        volume.lower = "/srv/.vault";
        volume.mountpoint = "/srv/vault";
        std::filesystem::create_directories(fake.root("host") / "srv/.vault");
        std::ofstream{fake.root("host") / "srv/.vault/file"} << "text";
        machine(host);
    }

    void machine(const std::string& mounts) const { fake.process("1", "systemd", mounts, "host"); }

    MountObstacles obstacles() {
        return MountObstacles{
            Paths{},
            others,
            {.proc = fake.proc(), .sysfs = fake.sysfs(), .is_ecryptfs = is_of_detached_mount}};
    }

    /// What keeps it from being mounted, or "".
    std::string obstacle(const RefusalKind kind, const bool was_mounted = false) {
        const auto found = obstacles().to_mount(volume, was_mounted);
        if (found) {
            EXPECT_EQ(found->kind, kind);
        }
        return found ? found->detail : "";
    }

    /// An editor has a file open in a mount that is in no table.
    void open_file_in_detached_mount() {
        std::filesystem::create_directories(fake.root("host") / "srv/.vault/detached");
        std::ofstream{fake.root("host") / "srv/.vault/detached/file"} << "text";
        fake.process("50", "editor", host, "host");
        FakeProc::link(fake.proc() / "50/fd/3", fake.root("host") / "srv/.vault/detached/file");
    }

    FakeProc fake;
    Volume volume;
    std::vector<Volume> others; ///< of the manifest
};

TEST_F(ObstacleTest, NothingIsInTheWay) {
    EXPECT_EQ(obstacle(RefusalKind::lower_in_use), "");
}

TEST_F(ObstacleTest, AnAbsentDirectoryIs) {
    std::filesystem::remove_all(fake.root("host") / "srv/.vault");
    EXPECT_THAT(obstacle(RefusalKind::ground_changed), HasSubstr("/srv/.vault is not there"));
}

TEST_F(ObstacleTest, WhatASandboxHidesIsNotAbsent) {
    std::filesystem::remove(fake.proc() / "1/root"); // which only the right capability opens
    fake.process("self", "sealmount", std::string{host} + "40 22 0:33 / /srv rw - tmpfs tmpfs rw\n", "self");
    EXPECT_EQ(obstacle(RefusalKind::ground_changed), "");
    fake.process("self", "sealmount", host, "self");
    EXPECT_THAT(obstacle(RefusalKind::ground_changed), HasSubstr("/srv/.vault is not there"))
        << "both have the same file system there";
    std::filesystem::create_directories(fake.root("self") / "srv/.vault");
    EXPECT_EQ(obstacle(RefusalKind::ground_changed), "");
    machine(std::string{host} + "31 22 0:50 / /mnt/hand rw - ecryptfs /srv/.vault rw\n");
    std::filesystem::remove(fake.proc() / "1/root");
    EXPECT_EQ(obstacle(RefusalKind::lower_in_use), "/srv/.vault is mounted on /mnt/hand already")
        << "its mounts are listed all the same";
    std::filesystem::remove_all(fake.proc() /
                                "1"); // which another one does not even show (proc(5), hidepid=)
    std::filesystem::remove_all(fake.root("self") / "srv/.vault");
    EXPECT_EQ(obstacle(RefusalKind::ground_changed), "");
}

TEST_F(ObstacleTest, AnotherDirectoryIs) {
    volume.ground = Ground{.uuid = "0b5c1a5e-0000-4000-8000-000000000001", .inode = 1, .empty = false};
    EXPECT_THAT(obstacle(RefusalKind::ground_changed), HasSubstr("/srv/.vault is another directory"));
}

TEST_F(ObstacleTest, AnotherMountIs) {
    machine(std::string{host} + "31 22 0:50 / /mnt/hand rw - ecryptfs /srv/.vault rw\n");
    EXPECT_EQ(obstacle(RefusalKind::lower_in_use), "/srv/.vault is mounted on /mnt/hand already");
    EXPECT_THAT(obstacles().users_left(volume, true),
                ElementsAre("/srv/.vault is mounted on /mnt/hand already"));
}

TEST_F(ObstacleTest, AVolumeThatIsMountedHasNone) {
    machine(std::string{host} + "31 22 0:50 / /srv/vault rw - ecryptfs /srv/.vault rw\n");
    volume.ground = Ground{.uuid = "0b5c1a5e-0000-4000-8000-000000000001", .inode = 1, .empty = false};
    EXPECT_EQ(obstacle(RefusalKind::lower_in_use), "");
}

TEST_F(ObstacleTest, AnAutomountOnTheLowerDirectoryIsNotWokenUp) {
    volume.mountpoint = volume.lower;
    std::filesystem::remove_all(fake.root("host") / "srv/.vault");
    machine(std::string{host} + "31 22 0:40 / /srv/.vault rw - autofs systemd-1 rw\n");
    EXPECT_EQ(obstacle(RefusalKind::ground_changed), "");
}

TEST_F(ObstacleTest, AnAutomountOnTheMountPointIsNotLookedAt) {
    std::filesystem::create_symlink("elsewhere", fake.root("host") / "srv/vault"); // shows a look
    EXPECT_THAT(obstacle(RefusalKind::place_unsafe), HasSubstr("is a symbolic link"));
    machine(std::string{host} + "31 22 0:40 / /srv/vault rw - autofs systemd-1 rw\n");
    EXPECT_EQ(obstacle(RefusalKind::place_unsafe), "");
    std::filesystem::rename(fake.root("host") / "srv", fake.root("host") / "moved");
    std::filesystem::create_symlink("moved", fake.root("host") / "srv");
    EXPECT_THAT(obstacle(RefusalKind::place_unsafe), HasSubstr("/srv, in the path of the mount point"));
}

TEST_F(ObstacleTest, OpenFilesOfALazilyUnmountedVolumeAreLookedForOnlyIfItWasMounted) {
    open_file_in_detached_mount();
    EXPECT_EQ(obstacle(RefusalKind::lower_in_use, false), "") << "not at boot";
    EXPECT_THAT(obstacle(RefusalKind::lower_in_use, true), HasSubstr("process 50 (editor)"));
}

TEST_F(ObstacleTest, TheKernelsCountMakesTheLookUnnecessary) {
    open_file_in_detached_mount();
    fake.held_by_kernel("0");
    EXPECT_EQ(obstacle(RefusalKind::lower_in_use, true), "");
    fake.held_by_kernel("1");
    EXPECT_THAT(obstacle(RefusalKind::lower_in_use, true), HasSubstr("process 50 (editor)"));
}

TEST_F(ObstacleTest, WhomACheckSuspectsItDoesNotAccuse) {
    open_file_in_detached_mount();
    EXPECT_THAT(obstacles().users_left(volume, true), ElementsAre(HasSubstr("may still be in use")));
    EXPECT_THAT(obstacles().users_left(volume, false), ElementsAre());
}

TEST_F(ObstacleTest, OfTwoVolumesInOnePlaceTheFirstIsMounted) {
    Volume first = volume;
    first.name = "first";
    first.mountpoint = "/srv/first";
    others = {first, volume};
    EXPECT_THAT(obstacle(RefusalKind::lower_in_use),
                HasSubstr("/srv/.vault is the lower directory of the volume \"first\" already"));
    others[0].lower = "/srv/.vault/inside";
    EXPECT_THAT(obstacle(RefusalKind::lower_in_use), HasSubstr("holds /srv/.vault/inside"));
    others = {volume, first};
    EXPECT_EQ(obstacle(RefusalKind::lower_in_use), "");
    first.noauto = true;
    others = {first, volume};
    EXPECT_EQ(obstacle(RefusalKind::lower_in_use), "") << "which a boot does not mount";
}

/// Directories that users own.
class ObstacleOnTheWayTest : public ObstacleTest {
  protected:
    void SetUp() override {
        if (::geteuid() != 0) {
            GTEST_SKIP() << "only root can give directories to users";
        }
        for (const char* const directory :
             {"home/anna/.Private", "home/anna/Private", "home/anna/a/x", "etc"}) {
            std::filesystem::create_directories(fake.root("host") / directory);
        }
        give("home/anna");
        give("home/anna/.Private");
        give("home/anna/Private");
    }

    void give(const std::string& directory, const uid_t user = 61234) const {
        ASSERT_EQ(::chown((fake.root("host") / directory).c_str(), user, user), 0) << directory;
    }

    std::string unsafe() { return obstacle(RefusalKind::place_unsafe); }
};

TEST_F(ObstacleOnTheWayTest, AUserWhoCanReplaceADirectoryAboveTheMountPoint) {
    volume.mountpoint = "/home/anna/a/x";
    EXPECT_THAT(unsafe(), HasSubstr("/home/anna/a can be replaced by user 61234"));
}

TEST_F(ObstacleOnTheWayTest, AMountPointInAHomeThatLostItsGuard) {
    volume.lower = "/home/anna/.Private";
    volume.mountpoint = "/home/anna/Private";
    EXPECT_THAT(unsafe(), HasSubstr("/home/anna/Private is not immutable"));
    if (const auto guarded = set_guard(fake.root("host") / "home/anna/Private"); !guarded) {
        GTEST_SKIP() << guarded.error();
    }
    EXPECT_EQ(unsafe(), "");
    ASSERT_TRUE(lift_guard(fake.root("host") / "home/anna/Private"));
}

TEST_F(ObstacleOnTheWayTest, ALinkOfTheUsersInPlaceOfTheLowerDirectory) {
    volume.lower = "/home/anna/.Private";
    std::filesystem::remove(fake.root("host") / "home/anna/.Private");
    std::filesystem::create_directory_symlink("/srv/.vault", fake.root("host") / "home/anna/.Private");
    EXPECT_THAT(unsafe(), HasSubstr("is a symbolic link"));
}

TEST_F(ObstacleOnTheWayTest, ALowerDirectoryThatIsNotItsOwnersAnyMore) {
    volume.lower = "/home/anna/.Private";
    EXPECT_EQ(unsafe(), "");
    give("home/anna/.Private", 0);
    EXPECT_THAT(unsafe(), HasSubstr("the lower directory /home/anna/.Private belongs to root"));
}

TEST_F(ObstacleOnTheWayTest, AMountPointInAnotherVolumeWaitsForThatOne) {
    Volume outer;
    outer.name = "outer";
    outer.lower = "/srv/.outer";
    outer.mountpoint = "/home";
    volume.mountpoint = "/home/anna/a/x";
    others = {outer, volume};
    EXPECT_TRUE(obstacles().may_wait(volume));
    EXPECT_EQ(unsafe(), "") << "it cannot be mounted yet";
    machine(std::string{host} + "23 22 0:40 / /home rw - ecryptfs /srv/.outer rw\n");
    EXPECT_FALSE(obstacles().may_wait(volume));
    EXPECT_THAT(unsafe(), HasSubstr("/home/anna/a can be replaced"));
}

TEST_F(ObstacleTest, WhatMayWaitIsToldFromTheTable) {
    EXPECT_FALSE(obstacles().may_wait(volume));
    machine(std::string{host} + "23 22 0:40 / /srv rw - nfs4 server:/srv rw\n");
    EXPECT_TRUE(obstacles().may_wait(volume));
    machine(std::string{host} + "23 22 0:40 / /srv/.vault rw - autofs systemd-1 rw\n");
    EXPECT_TRUE(obstacles().may_wait(volume));
}

} // namespace

} // namespace sealmount::testing
