// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/volume/volume_ground.hpp"

#include "unit/fake_proc.hpp"

#include <gmock/gmock.h>

#include <cerrno>
#include <fcntl.h>

namespace sealmount::testing {

namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr auto uuid = "0b5c1a5e-0000-4000-8000-000000000001";
constexpr auto other_uuid = "0b5c1a5e-0000-4000-8000-000000000002";

GroundLook look_of(const std::string& file_system, const std::uint64_t inode, const bool is_empty) {
    return {.ground = {.uuid = file_system, .inode = inode, .generation = 5, .empty = is_empty},
            .is_empty = is_empty,
            .type = "ext4",
            .read_only = false};
}

Volume volume_on(const std::optional<Ground>& ground) {
    Volume volume;
    volume.name = "vault";
    volume.lower = "/srv/.vault";
    volume.mountpoint = "/srv/vault";
    volume.ground = ground;
    return volume;
}

TEST(VolumeGroundTest, TheSameDirectoryIsAccepted) {
    Volume volume = volume_on(Ground{.uuid = uuid, .inode = 12, .generation = 5, .empty = false});
    EXPECT_EQ(problem_with_ground(volume, look_of(uuid, 12, false)), std::nullopt);
    EXPECT_EQ(problem_with_ground(volume, look_of(uuid, 12, true)), std::nullopt)
        << "its owner has emptied it";
    volume.ground->generation.reset();
    EXPECT_EQ(problem_with_ground(volume, look_of(uuid, 12, false)), std::nullopt);
    EXPECT_TRUE(problem_with_ground(volume, look_of(uuid, 12, true))) << "or made it again";
}

TEST(VolumeGroundTest, ADirectoryThatGotTheNumberOfARemovedOneIsAnother) {
    const Volume volume = volume_on(Ground{.uuid = uuid, .inode = 12, .generation = 4, .empty = false});
    EXPECT_THAT(
        problem_with_ground(volume, look_of(uuid, 12, false)).value_or(""),
        AllOf(HasSubstr("it was inode 12 (generation 4)"), HasSubstr("now is inode 12 (generation 5)")));
}

TEST(VolumeGroundTest, AnotherDiskIsNamedWithTheExpectedOne) {
    const Volume volume = volume_on(Ground{.uuid = uuid, .inode = 2, .empty = false});
    const auto problem = problem_with_ground(volume, look_of(other_uuid, 2, false));
    ASSERT_TRUE(problem);
    EXPECT_THAT(*problem,
                AllOf(HasSubstr("/srv/.vault is another directory"), HasSubstr(uuid), HasSubstr(other_uuid)));
}

TEST(VolumeGroundTest, AnotherDirectoryOfTheSameDiskIsRefused) {
    const Volume volume = volume_on(Ground{.uuid = uuid, .inode = 12, .empty = false});
    EXPECT_TRUE(problem_with_ground(volume, look_of(uuid, 13, false)));
}

TEST(VolumeGroundTest, AFileSystemThatForgetsInTheDisksPlaceIsRefused) {
    const Volume on_disk = volume_on(Ground{.uuid = uuid, .inode = 2, .empty = false});
    EXPECT_TRUE(problem_with_ground(on_disk, look_of("", 0, false)));
    const Volume in_memory = volume_on(Ground{.uuid = "", .inode = 0, .empty = true});
    EXPECT_TRUE(problem_with_ground(in_memory, look_of(uuid, 2, false)));
    EXPECT_EQ(problem_with_ground(in_memory, look_of("", 0, false)), std::nullopt);
}

TEST(VolumeGroundTest, WithoutAUuidAnEmptyDirectoryIsRefusedIfItWasNot) {
    const Volume volume = volume_on(Ground{.uuid = "", .inode = 0, .empty = false});
    const auto problem = problem_with_ground(volume, look_of("", 0, true));
    ASSERT_TRUE(problem);
    EXPECT_THAT(*problem, HasSubstr("/srv/.vault is empty, and was not"));
    EXPECT_EQ(
        problem_with_ground(volume_on(Ground{.uuid = "", .inode = 0, .empty = true}), look_of("", 0, true)),
        std::nullopt);
}

TEST(VolumeGroundTest, AKernelThatDoesNotSayTheUuidIsNoReason) {
    const Volume volume = volume_on(Ground{.uuid = uuid, .inode = 12, .empty = false});
    EXPECT_EQ(problem_with_ground(volume, look_of("", 12, false)), std::nullopt);
    EXPECT_TRUE(problem_with_ground(volume, look_of("", 12, true))) << "but it must not be empty then";
}

TEST(VolumeGroundTest, AnAbsentDirectoryIsRefusedEvenIfNothingWasRecorded) {
    EXPECT_THAT(problem_with_ground(volume_on(std::nullopt), std::unexpected{ENOENT}).value_or(""),
                HasSubstr("/srv/.vault is not there"));
    EXPECT_THAT(problem_with_ground(volume_on(Ground{.uuid = uuid, .inode = 12, .empty = false}),
                                    std::unexpected{ENOENT})
                    .value_or(""),
                HasSubstr(uuid));
    EXPECT_EQ(problem_with_ground(volume_on(std::nullopt), look_of(uuid, 12, true)), std::nullopt);
}

TEST(VolumeGroundTest, WhatMayNotBeLookedAtIsNoReason) {
    for (const int error : {EACCES, EPERM, ENOSYS, EMFILE}) {
        EXPECT_EQ(problem_with_ground(volume_on(std::nullopt), std::unexpected{error}), std::nullopt)
            << error;
    }
}

constexpr auto host = "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n";

class OtherMountsTest : public ::testing::Test {
  protected:
    OtherMountsTest() {
        std::filesystem::create_directories(fake.root("host") / "srv/.vault/inner");
        std::filesystem::create_directories(fake.root("host") / "data/.vault");
    }

    std::vector<std::string> others(const std::string& mounts) {
        fake.process("1", "systemd", host + mounts, "host");
        const auto view = MountView::of(fake.proc() / "1");
        return other_mounts_of(Paths{}, *view, EcryptfsMounts::look(fake.proc(), *view, std::nullopt),
                               volume_on(std::nullopt));
    }

    FakeProc fake;
};

TEST_F(OtherMountsTest, ItsOwnMountAndThoseOfOthersAreNone) {
    EXPECT_THAT(others("31 22 0:50 / /srv/vault rw - ecryptfs /srv/.vault rw\n"
                       "32 22 0:51 / /home/a rw - ecryptfs /home/.a rw\n"),
                IsEmpty());
}

TEST_F(OtherMountsTest, ASecondMountIsNamed) {
    EXPECT_THAT(others("31 22 0:50 / /mnt/hand rw - ecryptfs /srv/.vault rw\n"),
                ElementsAre("/srv/.vault is mounted on /mnt/hand already"));
}

TEST_F(OtherMountsTest, ABindMountOfItsFormerMountIsOne) {
    EXPECT_THAT(others("31 22 0:50 /share /export rw - ecryptfs /srv/.vault rw\n"),
                ElementsAre("/srv/.vault is mounted on /export already"));
}

TEST_F(OtherMountsTest, ParentAndChildAreNamed) {
    EXPECT_THAT(others("31 22 0:50 / /mnt/hand rw - ecryptfs /srv rw\n"),
                ElementsAre("/srv, which holds /srv/.vault, is mounted on /mnt/hand"));
    EXPECT_THAT(others("31 22 0:50 / /mnt/hand rw - ecryptfs /srv/.vault/inner rw\n"),
                ElementsAre("/srv/.vault/inner, which lies in /srv/.vault, is mounted on /mnt/hand"));
}

TEST_F(OtherMountsTest, LinksAndBindMountsLeadToTheSameDirectory) {
    FakeProc::link(fake.root("host") / "link", "/srv/.vault");
    EXPECT_THAT(others("31 22 0:50 / /mnt/hand rw - ecryptfs /link rw\n"),
                ElementsAre("/srv/.vault is mounted on /mnt/hand already"));
    EXPECT_THAT(others("30 22 8:1 /srv /data rw - ext4 /dev/sda1 rw\n"
                       "31 22 0:50 / /mnt/hand rw - ecryptfs /data/.vault rw\n"),
                ElementsAre("/srv/.vault is mounted on /mnt/hand already"));
}

TEST_F(OtherMountsTest, EcryptfsAroundOrInTheLowerDirectoryIsNamed) {
    EXPECT_THAT(others("31 22 0:50 / /srv rw - ecryptfs /other rw\n"),
                ElementsAre("/srv/.vault lies in an eCryptfs volume itself, which is mounted on /srv"));
    EXPECT_THAT(others("31 22 0:50 / /srv/.vault/inner rw - ecryptfs /other rw\n"),
                ElementsAre("an eCryptfs volume is mounted on /srv/.vault/inner, in /srv/.vault"));
}

TEST_F(OtherMountsTest, AContainerThatHoldsItIsNamedWithItsProcess) {
    fake.process("300", "backup",
                 "90 1 0:60 / / rw - overlay overlay rw\n"
                 "91 90 0:50 / /data rw - ecryptfs /srv/.vault rw\n",
                 "container");
    EXPECT_THAT(others(""),
                ElementsAre("/srv/.vault is mounted on /data in the mount namespace of process 300 "
                            "(backup) already"));
}

TEST_F(OtherMountsTest, TheViewIsThatOfProcessOneWhereItCanBeReached) {
    fake.process("1", "systemd", host, "host");
    fake.process("self", "unlock", "50 1 8:9 / / ro - ext4 /dev/sda9 rw\n", "confined");
    EXPECT_EQ(view_for(Paths{}, Viewer::service_manager, fake.proc()).table().lines().front().device, "8:1");
    EXPECT_EQ(view_for(Paths{}, Viewer::this_process, fake.proc()).table().lines().front().device, "8:9");
    EXPECT_EQ(view_for(Paths{"/mnt"}, Viewer::service_manager, fake.proc()).table().lines().front().device,
              "8:9");
    std::filesystem::remove(fake.proc() / "1/root");
    const MountView confined = view_for(Paths{}, Viewer::service_manager, fake.proc());
    EXPECT_EQ(confined.table().lines().front().device, "8:1") << "its mounts are listed all the same";
    EXPECT_FALSE(confined.open("/", O_PATH)) << "our own root is another file system";
    fake.process("self", "unlock", host, "confined");
    EXPECT_TRUE(view_for(Paths{}, Viewer::service_manager, fake.proc()).open("/", O_PATH));
    std::filesystem::remove_all(fake.proc() / "1");
    const MountView alone = view_for(Paths{}, Viewer::service_manager, fake.proc());
    EXPECT_EQ(alone.table().lines().front().device, "8:1");
    EXPECT_FALSE(alone.open("/", O_PATH)) << "what process 1 has there is not known";
}

} // namespace

} // namespace sealmount::testing
