// All automatic volumes of a master key at once.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/store/volume_state.hpp"
#include "stories/fake_machine.hpp"

#include <gmock/gmock.h>

#include <fstream>

namespace sealmount::testing {

namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class TogetherTest : public FakeMachine {
  protected:
    void SetUp() override {
        for (const char* const name : {"first", "second", "third"}) {
            enroll(name, std::string{"passphrase of "} + name);
        }
        EnrollRequest manual = request("manual");
        manual.volume.noauto = true;
        enroll(manual, "a fourth passphrase");
        EnrollRequest apart = request("apart");
        apart.volume.master = "apart";
        enroll(apart, "a fifth passphrase");
        reboot();
    }

    /// Which volumes have their keys.
    std::vector<std::string> loaded() {
        std::vector<std::string> names;
        for (const Volume& volume : store.manifest().volumes) {
            if (keyring.has_volume_key(volume.signature)) {
                names.push_back(volume.name);
            }
        }
        return names;
    }

    void demand_trusted_keys(const std::string& name) {
        Volume volume = store.volume(name);
        volume.form = FormChoice::trusted;
        store.write_manifest(manifest_with(manifest_without(store.manifest_text(), name), volume));
    }
};

TEST_F(TogetherTest, OneUnsealLoadsAllThatIsMountedAtBoot) {
    const auto all = load_together();
    EXPECT_FALSE(all.refusal);
    ASSERT_EQ(all.unlocks.size(), 1U);
    EXPECT_EQ(all.unlocks[0].volume.name, "first");
    EXPECT_THAT(all.unlocks[0].unlocked.also_loaded, ElementsAre("second", "third"));
    EXPECT_THAT(loaded(), ElementsAre("first", "second", "third"));
    for (const char* const name : {"first", "second", "third"}) {
        EXPECT_EQ(volume_state(store.paths(), name), VolumeState::loaded) << name;
        EXPECT_EQ(loaded_by(store.paths(), name), "trusted") << name;
        EXPECT_EQ(load(name)->method, UnlockMethod::already_loaded) << name;
    }
}

TEST_F(TogetherTest, ASecondTimeCostsNothing) {
    static_cast<void>(load_together());
    const unsigned before = chip.commands();
    const auto all = load_together();
    EXPECT_THAT(all.unlocks, IsEmpty());
    EXPECT_FALSE(all.refusal);
    EXPECT_EQ(chip.commands(), before);
}

TEST_F(TogetherTest, ARefusalAsksNobody) {
    chip.extend(7, "another boot chain");
    prompt.answer("passphrase of first");
    const auto all = load_together();
    ASSERT_TRUE(all.refusal);
    EXPECT_EQ(all.refusal->kind, RefusalKind::policy_mismatch);
    EXPECT_THAT(all.unlocks, IsEmpty());
    EXPECT_THAT(prompt.questions(), IsEmpty());
    EXPECT_THAT(loaded(), IsEmpty());
    EXPECT_EQ(load("first")->method, UnlockMethod::passphrase);
}

TEST_F(TogetherTest, ADamagedKeyFileCostsOnlyItsVolume) {
    std::ofstream{store.paths().key(store.volume("first").signature)} << "nonsense";
    const auto all = load_together();
    ASSERT_TRUE(all.refusal);
    EXPECT_EQ(all.refusal->kind, RefusalKind::files_unusable);
    ASSERT_EQ(all.unlocks.size(), 1U);
    EXPECT_THAT(loaded(), ElementsAre("second", "third"));
}

TEST_F(TogetherTest, ADemandForATrustedKeyCostsOnlyItsVolume) {
    demand_trusted_keys("first");
    keyring.set_trusted_type(false);
    const auto all = load_together();
    keyring.set_trusted_type(true);
    ASSERT_TRUE(all.refusal);
    EXPECT_THAT(loaded(), ElementsAre("second", "third"));
}

TEST_F(TogetherTest, WhatWasStoppedComesBackWithTheNextBootOfUserspace) {
    static_cast<void>(load_together());
    unload("second");
    EXPECT_THAT(loaded(), ElementsAre("first", "third"));
    static_cast<void>(load_together());
    EXPECT_THAT(loaded(), ElementsAre("first", "second", "third"));
}

TEST_F(TogetherTest, NotesOfKeysThatAreGoneAreNotBelieved) {
    static_cast<void>(load_together());
    lose_keys();
    chip.extend(7, "another boot chain");
    static_cast<void>(load_together());
    EXPECT_EQ(volume_state(store.paths(), "third"), VolumeState::untouched);
}

TEST_F(TogetherTest, OfTwoVolumesInOnePlaceTheLaterIsLeftOut) {
    const Volume first = store.volume("first");
    Volume second = store.volume("second");
    second.lower = first.lower;
    second.ground = first.ground;
    store.write_manifest(manifest_with(manifest_without(store.manifest_text(), "second"), second));
    static_cast<void>(load_together());
    EXPECT_THAT(loaded(), ElementsAre("first", "third"));
    const auto refused = load("second");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, RefusalKind::lower_in_use);
    EXPECT_EQ(volume_state(store.paths(), "second"), VolumeState::untouched);
}

TEST_F(TogetherTest, WhatIsRefusedIsNotNotedAsLoaded) {
    static_cast<void>(load_together());
    std::filesystem::rename(store.paths().below_root(store.volume("first").lower), root / "srv/.elsewhere");
    std::filesystem::rename(store.paths().below_root(store.volume("second").lower), root / "srv/.nowhere");
    ASSERT_FALSE(load("first"));
    EXPECT_EQ(volume_state(store.paths(), "first"), VolumeState::untouched) << "the mount would go on";
    static_cast<void>(load_together()); // after a soft-reboot
    EXPECT_EQ(volume_state(store.paths(), "second"), VolumeState::untouched);
    EXPECT_EQ(volume_state(store.paths(), "third"), VolumeState::loaded);
}

TEST_F(TogetherTest, StartedAgainAfterTheBootItLeavesWhatWasStopped) {
    static_cast<void>(load_together());
    std::filesystem::remove(store.paths().booting());
    std::filesystem::create_directories(store.paths().booted());
    unload("second");
    static_cast<void>(load_together());
    EXPECT_THAT(loaded(), ElementsAre("first", "third"));
    EXPECT_EQ(volume_state(store.paths(), "second"), VolumeState::stopped);
    EXPECT_FALSE(std::filesystem::is_symlink(store.paths().booting())) << "nobody would take it away";
    std::filesystem::remove(store.paths().booted());
    static_cast<void>(load_together());
    EXPECT_THAT(loaded(), ElementsAre("first", "second", "third")) << "after a soft-reboot";
    EXPECT_TRUE(std::filesystem::is_symlink(store.paths().booting()));
}

TEST_F(TogetherTest, AVolumeWhoseUnitIsAnothersIsNotLoadedAlong) {
    const auto put = [&](const std::string& directory, const std::string& unit) {
        std::filesystem::create_directories(root / directory);
        std::ofstream{root / directory / unit} << "[Mount]\n";
    };
    put("run/systemd/generator", "srv-second.mount"); // of fstab
    std::filesystem::create_directories(root / "etc/systemd/system");
    std::filesystem::create_symlink("/dev/null", root / "etc/systemd/system/srv-third.mount");
    static_cast<void>(load_together());
    EXPECT_THAT(loaded(), ElementsAre("first"));
    lose_keys();
    ASSERT_TRUE(load("first"));
    EXPECT_THAT(loaded(), ElementsAre("first")) << "nor with another";
    ASSERT_TRUE(load("second"));
    EXPECT_THAT(loaded(), ElementsAre("first", "second")) << "unless that unit asks for it";
}

TEST_F(TogetherTest, AVolumeThatTheGeneratorLeftOutIsNotLoadedAlong) {
    const std::filesystem::path late = root / "run/systemd/generator.late";
    std::filesystem::create_directories(late);
    for (const char* const name : {"first", "third"}) {
        std::ofstream{late / ("srv-" + std::string{name} + ".mount")} << "[Mount]\n";
    }
    static_cast<void>(load_together());
    EXPECT_THAT(loaded(), ElementsAre("first", "third"));
}

TEST_F(TogetherTest, ATpmThatNeverAppearsIsWaitedForOnceInABoot) {
    opener.announce(false);
    const auto all = load_together();
    ASSERT_TRUE(all.refusal);
    EXPECT_EQ(all.refusal->kind, RefusalKind::no_tpm);
    for (const char* const name : {"first", "second", "manual"}) {
        EXPECT_FALSE(load(name)) << name;
    }
    EXPECT_EQ(opener.waited(), tpm_appearance_limit);
    EXPECT_THAT(reported.refusals.back().detail, ::testing::HasSubstr("no device appeared in 30 seconds"));
    static_cast<void>(load_together());
    EXPECT_EQ(opener.waited(), 2 * tpm_appearance_limit) << "again in the next one";
}

TEST_F(TogetherTest, ALookTakesTheNoteOfAVolumeThatMayNotBeMounted) {
    static_cast<void>(load_together());
    const Volume first = store.volume("first");
    EXPECT_FALSE(look_at_volume(store, keyring, first));
    EXPECT_EQ(loaded_by(store.paths(), "first"), "trusted");
    const std::filesystem::path lower = store.paths().below_root(first.lower);
    std::filesystem::rename(lower, root / "srv/.elsewhere");
    const auto refusal = look_at_volume(store, keyring, first);
    ASSERT_TRUE(refusal);
    EXPECT_EQ(refusal->kind, RefusalKind::ground_changed);
    EXPECT_EQ(volume_state(store.paths(), "first"), VolumeState::untouched) << "the mount would go on";
    EXPECT_THAT(loaded(), ElementsAre("first", "second", "third")) << "its automount has them";
    std::filesystem::rename(root / "srv/.elsewhere", lower);
    EXPECT_FALSE(look_at_volume(store, keyring, first));
    EXPECT_EQ(volume_state(store.paths(), "first"), VolumeState::loaded);
    unload("first");
    EXPECT_FALSE(look_at_volume(store, keyring, first));
    EXPECT_EQ(volume_state(store.paths(), "first"), VolumeState::stopped) << "without keys it starts nothing";
}

TEST_F(TogetherTest, AMasterKeyWithoutVolumesIsNoError) {
    const auto all = load_together("nobody");
    EXPECT_THAT(all.volumes, IsEmpty());
    EXPECT_FALSE(all.refusal);
}

TEST_F(TogetherTest, ItIsNotedThatTheMountsAreStillToCome) {
    static_cast<void>(load_together());
    EXPECT_TRUE(std::filesystem::is_symlink(store.paths().booting()));
}

TEST_F(TogetherTest, AVolumeOfItsOwnSaysNothingOfTheBoot) {
    ASSERT_TRUE(load("first"));
    EXPECT_FALSE(std::filesystem::is_symlink(store.paths().booting()));
}

} // namespace

} // namespace sealmount::testing
