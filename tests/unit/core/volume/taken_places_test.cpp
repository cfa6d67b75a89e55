// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/volume/taken_places.hpp"

#include "unit/fake_proc.hpp"

#include <gtest/gtest.h>

namespace sealmount::testing {

namespace {

Volume volume_at(const std::string& name, const std::string& lower, const std::string& mountpoint) {
    Volume volume;
    volume.name = name;
    volume.lower = lower;
    volume.mountpoint = mountpoint;
    return volume;
}

class TakenPlacesTest : public ::testing::Test {
  protected:
    TakenPlacesTest() {
        std::filesystem::create_directories(fake.root("host") / "srv/.vault/inner");
        std::filesystem::create_directories(fake.root("host") / "bound/.vault");
        FakeProc::link(fake.root("host") / "link", "/srv/.vault");
        fake.process("1", "systemd",
                     "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
                     "23 22 8:1 /srv /bound rw - ext4 /dev/sda1 rw\n",
                     "host");
    }

    /// What the volume "vault" at its usual places has against it.
    std::string conflict_with(const std::string& lower, const std::string& mountpoint) {
        const auto view = MountView::of(fake.proc() / "1");
        const Paths paths;
        const std::vector<Volume> volumes = {volume_at("vault", "/srv/.vault", "/srv/vault")};
        return TakenPlaces{paths, *view, volumes}
            .conflict_with(volume_at("new", lower, mountpoint))
            .value_or("");
    }

    FakeProc fake;
};

TEST_F(TakenPlacesTest, PlacesBesideEachOtherAreFree) {
    EXPECT_EQ(conflict_with("/srv/.other", "/srv/other"), "");
    EXPECT_EQ(conflict_with("/srv/.vault2", "/srv/vault2"), "");
    EXPECT_EQ(conflict_with("/srv/.other", "/srv/vault/in-it"), "") << "a mount point may lie in a volume";
}

TEST_F(TakenPlacesTest, ALowerDirectoryIsOneVolumeWhateverLeadsThere) {
    const std::string same = " is the lower directory of the volume \"vault\" already";
    EXPECT_EQ(conflict_with("/srv/.vault", "/srv/x"), "/srv/.vault" + same);
    EXPECT_EQ(conflict_with("/link", "/srv/x"), "/link" + same);
    EXPECT_EQ(conflict_with("/bound/.vault", "/srv/x"), "/bound/.vault" + same);
}

TEST_F(TakenPlacesTest, NeitherParentNorChild) {
    EXPECT_EQ(conflict_with("/srv", "/x"),
              "/srv holds /srv/.vault, the lower directory of the volume \"vault\"");
    EXPECT_EQ(conflict_with("/srv/.vault/inner", "/x"),
              "/srv/.vault/inner lies in /srv/.vault, the lower directory of the volume \"vault\"");
    EXPECT_EQ(conflict_with("/bound", "/x"),
              "/bound holds /srv/.vault, the lower directory of the volume \"vault\"");
}

TEST_F(TakenPlacesTest, NoVolumeOnAVolume) {
    EXPECT_EQ(conflict_with("/srv/vault/.other", "/x"),
              "/srv/vault/.other lies in /srv/vault, the mount point of the volume \"vault\": eCryptfs is "
              "not mounted "
              "on eCryptfs");
}

TEST_F(TakenPlacesTest, MountPointsLieInNoLowerDirectory) {
    EXPECT_EQ(conflict_with("/y/.x", "/srv/.vault/x"),
              "/srv/.vault/x lies in /srv/.vault, the lower directory of the volume \"vault\"");
    EXPECT_EQ(conflict_with("/y/.x", "/srv"),
              "/srv would hide /srv/.vault, the lower directory of the volume \"vault\"");
    EXPECT_TRUE(conflict_with_itself(volume_at("x", "/srv/.x", "/srv/.x/clear")));
    EXPECT_FALSE(conflict_with_itself(volume_at("x", "/srv/.x", "/srv/.x")));
    EXPECT_FALSE(conflict_with_itself(volume_at("x", "/srv/.x", "/srv/x")));
}

TEST_F(TakenPlacesTest, OneThatIsAddedTakesItsPlaceToo) {
    const auto view = MountView::of(fake.proc() / "1");
    const Paths paths;
    TakenPlaces taken{paths, *view, {}};
    const Volume wanted = volume_at("new", "/bound/.vault", "/srv/new");
    EXPECT_FALSE(taken.conflict_with(wanted));
    taken.add(volume_at("vault", "/srv/.vault", "/srv/vault"));
    EXPECT_EQ(taken.conflict_with(wanted),
              "/bound/.vault is the lower directory of the volume \"vault\" already");
}

TEST_F(TakenPlacesTest, AVolumeIsNotInItsOwnWay) {
    const auto view = MountView::of(fake.proc() / "1");
    const Paths paths;
    const std::vector<Volume> volumes = {volume_at("vault", "/srv/.vault", "/srv/vault")};
    EXPECT_FALSE((TakenPlaces{paths, *view, volumes}.conflict_with(volumes.front())));
}

} // namespace

} // namespace sealmount::testing
