// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/files/lower_use.hpp"

#include "unit/fake_proc.hpp"

#include <gmock/gmock.h>

namespace sealmount::testing {

namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr auto host = "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n";
constexpr auto vault = "31 22 0:50 / /srv/vault rw - ecryptfs /srv/.vault rw,ecryptfs_sig=7f475b5d20a645dc\n";

class LowerUseTest : public ::testing::Test {
  protected:
    LowerUseTest() { std::filesystem::create_directories(fake.root("host") / "srv/.vault"); }

    EcryptfsMounts look() const {
        return EcryptfsMounts::look(fake.proc(), *MountView::of(fake.proc() / "1"), held);
    }

    FakeProc fake;
    std::optional<std::size_t> held;
};

TEST_F(LowerUseTest, AMachineWithoutEcryptfsHasNone) {
    fake.process("1", "systemd", host, "host");
    EXPECT_THAT(look().list(), IsEmpty());
}

TEST_F(LowerUseTest, OursAreListedOnceWithTheirPlace) {
    fake.process("1", "systemd", std::string{host} + vault, "host");
    fake.process("200", "confined", std::string{host} + vault, "copy");
    const auto mounts = look();
    ASSERT_EQ(mounts.list().size(), 1U) << "a copy in a service's namespace is the same mount";
    EXPECT_EQ(mounts.list()[0].process.id, 0U);
    EXPECT_EQ(mounts.list()[0].mountpoint, "/srv/vault");
    EXPECT_THAT(mounts.list()[0].places, ElementsAre(FilePlace{"8:1", "/srv/.vault"}));
    EXPECT_THAT(mounts.devices(), ElementsAre("0:50"));
}

TEST_F(LowerUseTest, AnotherNamespaceKeepsWhatWasUnmountedHere) {
    fake.process("1", "systemd", host, "host");
    fake.process("300", "backup",
                 std::string{"90 1 0:60 / / rw - overlay overlay rw\n"} +
                     "91 90 0:50 / /data rw - ecryptfs /srv/.vault rw\n",
                 "container");
    const auto mounts = look();
    ASSERT_EQ(mounts.list().size(), 1U);
    EXPECT_EQ(mounts.list()[0].process.id, 300U);
    EXPECT_EQ(mounts.list()[0].process.command, "backup");
    EXPECT_EQ(mounts.list()[0].mountpoint, "/data");
    EXPECT_THAT(mounts.list()[0].places, ElementsAre(FilePlace{"8:1", "/srv/.vault"}))
        << "the path means what it means here, as the container has no such directory";
}

TEST_F(LowerUseTest, WhereTheKernelHoldsNoOtherMountNoNamespaceIsRead) {
    fake.process("1", "systemd", std::string{host} + vault, "host");
    fake.process("300", "backup",
                 std::string{"90 1 0:60 / / rw - overlay overlay rw\n"} +
                     "91 90 0:51 / /data rw - ecryptfs /srv/.other rw\n",
                 "container");
    held = 1;
    EXPECT_EQ(look().list().size(), 1U);
    held = 2;
    EXPECT_EQ(look().list().size(), 2U);
}

TEST_F(LowerUseTest, AContainersOwnMountIsAtItsOwnPaths) {
    fake.process("1", "systemd", host, "host");
    fake.process("300", "backup",
                 std::string{"90 1 0:60 / / rw - overlay overlay rw\n"} +
                     "92 90 8:1 /srv /data rw - ext4 /dev/sda1 rw\n" +
                     "91 90 0:51 / /clear rw - ecryptfs /data/.vault rw\n",
                 "container");
    std::filesystem::create_directories(fake.root("container") / "data/.vault");
    const auto mounts = look();
    ASSERT_EQ(mounts.list().size(), 1U);
    EXPECT_THAT(mounts.list()[0].places, ElementsAre(FilePlace{"8:1", "/srv/.vault"}))
        << "the host's directory, bound into the container under another name";
}

TEST_F(LowerUseTest, WhereTheRootIsOutOfReachThePathMayMeanBoth) {
    fake.process("1", "systemd", host, "host");
    fake.process("300", "backup",
                 std::string{"90 1 0:60 / / rw - overlay overlay rw\n"} +
                     "91 90 0:51 / /clear rw - ecryptfs /srv/.vault rw\n",
                 "container");
    std::filesystem::remove(fake.proc() / "300/root");
    const auto mounts = look();
    ASSERT_EQ(mounts.list().size(), 1U);
    EXPECT_THAT(mounts.list()[0].places,
                ElementsAre(FilePlace{"0:60", "/srv/.vault"}, FilePlace{"8:1", "/srv/.vault"}));
}

TEST_F(LowerUseTest, WhereTheNamespaceIsOutOfReachItsFirstMountNamesIt) {
    fake.process("1", "systemd", host, "host");
    const std::string table = std::string{"90 1 8:1 / / rw - ext4 /dev/sda1 rw\n"} +
                              "91 90 0:51 / /clear rw - ecryptfs /srv/.vault rw\n";
    fake.process("300", "one", table, "container");
    fake.process("301", "two", table, "container");
    std::filesystem::remove(fake.proc() / "300/ns/mnt");
    std::filesystem::remove(fake.proc() / "301/ns/mnt");
    EXPECT_EQ(look().list().size(), 1U);
}

TEST_F(LowerUseTest, TheKernelsCountIsThatOfItsListOrOfTheModule) {
    EXPECT_EQ(EcryptfsMounts::held_by_kernel(fake.sysfs()), std::nullopt);
    fake.held_by_kernel("3");
    EXPECT_EQ(EcryptfsMounts::held_by_kernel(fake.sysfs()), 3U);
    const std::filesystem::path devices = fake.sysfs() / "class/bdi";
    std::filesystem::create_directories(devices / "8:0");
    EXPECT_EQ(EcryptfsMounts::held_by_kernel(fake.sysfs()), 0U)
        << "the list is exact, and open files count in the other";
    std::filesystem::create_directories(devices / "ecryptfs-1");
    std::filesystem::create_directories(devices / "ecryptfs-12");
    EXPECT_EQ(EcryptfsMounts::held_by_kernel(fake.sysfs()), 2U);
}

} // namespace

} // namespace sealmount::testing
