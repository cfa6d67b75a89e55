// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/ecryptfs/encrypted_key.hpp"
#include "core/slots/rebind.hpp"
#include "core/slots/rotate.hpp"
#include "core/slots/suspend.hpp"
#include "core/unlock/volume_keys.hpp"
#include "stories/fake_machine.hpp"

#include <gmock/gmock.h>

#include <filesystem>

namespace sealmount::testing {

namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::string_view renewed_notes_passphrase = "another passphrase";

class RenewalTest : public FakeMachine {
  protected:
    void SetUp() override {
        EnrollRequest vault = request("vault");
        vault.filename_encryption = true;
        vault.volume.rebind_after_recovery = true;
        enroll(vault, vault_passphrase);
        EnrollRequest notes = request("notes");
        notes.volume.rebind_after_recovery = true;
        enroll(notes, renewed_notes_passphrase);
    }

    SlotContext context() { return {.machine = machine, .store = store}; }

    std::map<std::string, Fekek> keys_of(const std::string& name, const std::string_view passphrase) {
        std::map<std::string, Fekek> keys;
        for (Fekek& fekek : keys_from_passphrase(store.volume(name), secret(passphrase))) {
            keys.emplace(fekek.signature, std::move(fekek));
        }
        return keys;
    }

    std::map<std::string, Fekek> all_keys() {
        auto keys = keys_of("vault", vault_passphrase);
        keys.merge(keys_of("notes", renewed_notes_passphrase));
        return keys;
    }

    void expect_both_open() {
        reboot();
        EXPECT_EQ(load("vault")->method, UnlockMethod::tpm);
        EXPECT_EQ(load("notes")->method, UnlockMethod::already_loaded);
    }

    bool nothing_is_left_over() const {
        return !std::filesystem::exists(store.paths().replacement()) &&
               !std::filesystem::exists(store.paths().unfinished_replacement()) &&
               !std::filesystem::exists(store.paths().waiting_renewal("default"));
    }
};

TEST_F(RenewalTest, RotationMakesEverythingAgainAndOpensWhatWasThere) {
    const auto before = tree();
    const MasterFile old_file = store.master("default");
    const std::string old_text = store.key(vault_signature);
    const Renewed renewed = rotate(context(), open_master(context(), "default"));
    EXPECT_EQ(renewed.keys.size(), 3U);
    EXPECT_THAT(renewed.slots, ElementsAre(1U));
    for (const auto& [name, contents] : tree()) {
        EXPECT_EQ(contents == before.at(name), name.ends_with("manifest.json")) << name;
    }
    EXPECT_TRUE(nothing_is_left_over());
    const OpenMaster fresh = open_master(context(), "default");
    EXPECT_THROW(static_cast<void>(open_encrypted_key(old_text, fresh.key)), Error);
    expect_both_open();
}

TEST_F(RenewalTest, RotationKeepsTheSlotsOfOtherStates) {
    {
        OpenMaster master = open_master(context(), "default");
        Policy coming;
        coming.pcrs = parse_pcr_values("7:sha256=" + std::string(64, 'a'));
        reseal(context(), master, {.bound = {coming, {}}, .new_pin = nullptr, .note = "to come"});
        suspend(context(), master, 2, {});
    }
    const Renewed renewed = rotate(context(), open_master(context(), "default"));
    EXPECT_THAT(renewed.slots, ElementsAre(1U, 2U));
    EXPECT_THAT(renewed.left_out, ElementsAre(3U)) << "the suspension";
    EXPECT_EQ(store.master("default").slots[1].policy.pcrs[0].values.at(7),
              std::vector<std::byte>(32, std::byte{0xaa}));
}

TEST_F(RenewalTest, FaultsOfTheTpmWhileRotatingLeaveAllOld) {
    unsigned faults = 0;
    for (unsigned commands = 0;; ++commands) {
        const auto before = tree();
        chip.fail_after(commands);
        try {
            rotate(context(), open_master(context(), "default"));
            chip.fail_after(1000);
            break;
        } catch (const Error&) {
            chip.fail_after(1000);
            EXPECT_EQ(tree(), before) << commands;
            ++faults;
        }
    }
    EXPECT_GT(faults, 5U);
    expect_both_open();
}

TEST_F(RenewalTest, AReplacementIsReadAsAWholeOnceItIsDecided) {
    const auto key_file = store.paths().key(vault_signature);
    const std::string old_text = store.key(vault_signature);
    const std::filesystem::path staged = store.paths().replacement() / "keys";
    std::filesystem::create_directories(staged);
    std::string new_text = old_text;
    new_text.back() = new_text.back() == '0' ? '1' : '0';
    write_file_atomically(staged / key_file.filename(), new_text, 0600);
    EXPECT_EQ(store.key(vault_signature), new_text);
    {
        const FileLock lock = store.lock();
        EXPECT_TRUE(nothing_is_left_over());
    }
    EXPECT_EQ(store.key(vault_signature), new_text);
}

TEST_F(RenewalTest, AReplacementThatWasNotDecidedIsClearedAway) {
    const auto before = tree();
    std::filesystem::create_directories(store.paths().unfinished_replacement() / "keys");
    write_file_atomically(store.paths().unfinished_replacement() / "keys" / "7f475b5d20a645dc.key", "half",
                          0600);
    const FileLock lock = store.lock();
    EXPECT_EQ(tree(), before);
}

TEST_F(RenewalTest, PassphrasesBindTheVolumesToTheStateThatIs) {
    chip.extend(7, "new firmware");
    EXPECT_THROW(static_cast<void>(open_master(context(), "default")), Error);
    const Renewed renewed = rebind(context(), "default", all_keys());
    EXPECT_EQ(renewed.keys.size(), 3U);
    reboot();
    EXPECT_FALSE(load("vault")) << "the old state is another one now";
    reboot();
    chip.extend(7, "new firmware");
    EXPECT_EQ(load("vault")->method, UnlockMethod::tpm);
    EXPECT_EQ(load("notes")->method, UnlockMethod::already_loaded);
}

TEST_F(RenewalTest, AnotherTpmIsBoundAsWellIfItIsAccepted) {
    chip.clear();
    const auto before = tree();
    EXPECT_THROW(rebind(context(), "default", all_keys()), Error);
    EXPECT_EQ(tree(), before);
    SlotContext slots = context();
    slots.accepts_new_tpm = true;
    EXPECT_THAT(rebind(slots, "default", all_keys()).notes, ElementsAre(HasSubstr("trusted from now on")));
    EXPECT_TRUE(chip.has_srk());
    expect_both_open();
}

TEST_F(RenewalTest, ALostMasterFileIsNoHindrance) {
    store.remove_master("default");
    const Renewed renewed = rebind(context(), "default", all_keys());
    EXPECT_THAT(renewed.notes, ElementsAre(HasSubstr("bound to PCR 7"), HasSubstr("trusted from now on")));
    expect_both_open();
}

TEST_F(RenewalTest, LostDirectoriesAreNoHindrance) {
    std::filesystem::remove_all(store.paths().masters());
    std::filesystem::remove_all(store.paths().keys());
    rebind(context(), "default", all_keys());
    EXPECT_TRUE(nothing_is_left_over());
    expect_both_open();
}

TEST_F(RenewalTest, KeysOfVolumesThatWereRemovedMeanwhileDoNotComeBack) {
    reboot();
    chip.extend(7, "new firmware");
    prompt.answer(std::string{vault_passphrase});
    ASSERT_TRUE(load("vault"));
    unload("vault");
    static_cast<void>(remove_volume(store, "vault"));
    prompt.answer(std::string{renewed_notes_passphrase});
    ASSERT_TRUE(load("notes"));
    EXPECT_THAT(reported.rebound_whole, ElementsAre(false, true));
    EXPECT_FALSE(store.has_key(vault_signature));
    EXPECT_TRUE(nothing_is_left_over());
}

TEST_F(RenewalTest, WhatWaitsGoesWithTheMasterKey) {
    reboot();
    chip.extend(7, "new firmware");
    prompt.answer(std::string{vault_passphrase});
    ASSERT_TRUE(load("vault"));
    unload("vault");
    static_cast<void>(remove_volume(store, "vault"));
    static_cast<void>(remove_volume(store, "notes"));
    EXPECT_TRUE(nothing_is_left_over());
}

TEST_F(RenewalTest, BindingWithHalfOfThePassphrasesIsRefused) {
    const auto before = tree();
    EXPECT_THROW(rebind(context(), "default", keys_of("vault", vault_passphrase)), Error);
    EXPECT_EQ(tree(), before);
}

TEST_F(RenewalTest, TypedPassphrasesBindByThemselvesOnceAllAreThere) {
    reboot();
    chip.extend(7, "new firmware");
    const auto key_before = store.key(vault_signature);
    prompt.answer(std::string{vault_passphrase});
    EXPECT_EQ(load("vault")->method, UnlockMethod::passphrase);
    EXPECT_THAT(reported.rebound_whole, ElementsAre(false));
    EXPECT_EQ(store.key(vault_signature), key_before) << "what opens is not touched before all is there";
    prompt.answer(std::string{renewed_notes_passphrase});
    EXPECT_EQ(load("notes")->method, UnlockMethod::passphrase);
    EXPECT_THAT(reported.rebound_whole, ElementsAre(false, true));
    EXPECT_THAT(reported.rebind_failures, IsEmpty());
    EXPECT_TRUE(nothing_is_left_over());
    reboot();
    chip.extend(7, "new firmware");
    EXPECT_EQ(load("vault")->method, UnlockMethod::tpm);
    EXPECT_EQ(load("notes")->method, UnlockMethod::already_loaded);
}

TEST_F(RenewalTest, WhatWaitsForAnotherStateIsMadeAgain) {
    reboot();
    chip.extend(7, "new firmware");
    prompt.answer(std::string{vault_passphrase});
    ASSERT_TRUE(load("vault"));
    reboot();
    chip.extend(7, "still newer firmware");
    prompt.answer(std::string{renewed_notes_passphrase});
    ASSERT_TRUE(load("notes"));
    EXPECT_THAT(reported.rebound_whole, ElementsAre(false, false))
        << "the first one's key is sealed to a state that is gone";
    prompt.answer(std::string{vault_passphrase});
    ASSERT_TRUE(load("vault"));
    EXPECT_THAT(reported.rebound_whole, ElementsAre(false, false, true));
}

TEST_F(RenewalTest, TypedPassphrasesDoNotBindToATpmThatNobodyKnows) {
    reboot();
    chip.clear();
    const auto before = tree();
    prompt.answer(std::string{vault_passphrase});
    ASSERT_TRUE(load("vault"));
    EXPECT_THAT(reported.rebind_failures, ElementsAre(HasSubstr("storage root key is not that of")));
    store.remove_master("default");
    unload("vault");
    prompt.answer(std::string{vault_passphrase});
    ASSERT_TRUE(load("vault"));
    ASSERT_EQ(reported.rebind_failures.size(), 2U);
    EXPECT_THAT(reported.rebind_failures.back(), HasSubstr("default.json: is missing"));
}

TEST_F(RenewalTest, TheBindingDoesNotWaitForeverForTheStore) {
    reboot();
    chip.extend(7, "new firmware");
    const FileLock somebodys = store.lock();
    prompt.answer(std::string{vault_passphrase});
    EXPECT_EQ(load("vault")->method, UnlockMethod::passphrase);
    EXPECT_THAT(reported.rebind_failures, ElementsAre(HasSubstr("has held the lock")));
}

TEST_F(RenewalTest, ATpmThatFailsCostsOnlyTheBinding) {
    reboot();
    opener.set_absent(true);
    prompt.answer(std::string{vault_passphrase});
    EXPECT_EQ(load("vault")->method, UnlockMethod::passphrase);
    EXPECT_EQ(reported.rebind_failures.size(), 1U);
    opener.set_absent(false);
    expect_both_open();
}

} // namespace

} // namespace sealmount::testing
