// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "base/strict_json.hpp"
#include "core/ecryptfs/encrypted_key.hpp"
#include "core/store/volume_state.hpp"
#include "stories/fake_machine.hpp"

#include <nlohmann/json.hpp>

#include <gmock/gmock.h>

#include <sys/stat.h>

#include <fstream>

namespace sealmount::testing {

namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class UnlockTest : public FakeMachine {
  protected:
    void SetUp() override {
        EnrollRequest vault = request("vault");
        vault.filename_encryption = true;
        enroll(vault, vault_passphrase);
    }

    void expect_opened_by_passphrase(const RefusalKind kind) {
        prompt.answer(std::string{vault_passphrase});
        const auto unlocked = load("vault");
        ASSERT_TRUE(unlocked);
        EXPECT_EQ(unlocked->method, UnlockMethod::passphrase);
        ASSERT_EQ(reported.refusals.size(), 1U);
        EXPECT_EQ(reported.refusals[0].kind, kind);
        EXPECT_TRUE(keyring.has_volume_key(vault_signature));
        EXPECT_TRUE(keyring.has_volume_key(vault_filename_signature));
    }
};

TEST_F(UnlockTest, TpmOpensTheVolumeWithoutAQuestion) {
    const auto before = keyring.volume_keys();
    EXPECT_THAT(before, IsEmpty()) << "enrollment loads nothing";
    reboot();
    const auto unlocked = load("vault");
    ASSERT_TRUE(unlocked);
    EXPECT_EQ(unlocked->method, UnlockMethod::tpm);
    EXPECT_EQ(unlocked->slot, 1U);
    EXPECT_THAT(prompt.questions(), IsEmpty());
    EXPECT_THAT(reported.refusals, IsEmpty());
    EXPECT_THAT(keyring.volume_keys(),
                ElementsAre(std::string{vault_signature}, std::string{vault_filename_signature}));
}

TEST_F(UnlockTest, OneUnsealOpensEveryAutomaticVolumeOfTheMaster) {
    enroll("notes", "another passphrase");
    enroll("third", "a third passphrase");
    EnrollRequest manual = request("manual");
    manual.volume.noauto = true;
    enroll(manual, "a fourth passphrase");
    EnrollRequest apart = request("apart");
    apart.volume.master = "apart";
    enroll(apart, "a fifth passphrase");
    reboot();

    const unsigned before = chip.commands();
    const auto unlocked = load("vault");
    ASSERT_TRUE(unlocked);
    EXPECT_THAT(unlocked->also_loaded, ElementsAre("notes", "third"));
    const unsigned commands = chip.commands() - before;
    EXPECT_EQ(load("notes")->method, UnlockMethod::already_loaded);
    EXPECT_EQ(load("third")->method, UnlockMethod::already_loaded);
    EXPECT_EQ(chip.commands() - before, commands) << "the others cost no TPM command";
    EXPECT_EQ(load("manual")->method, UnlockMethod::tpm);
    EXPECT_EQ(load("apart")->method, UnlockMethod::tpm);
}

TEST_F(UnlockTest, AStoppedVolumeIsNotLoadedWithAnother) {
    enroll("notes", "another passphrase");
    reboot();
    ASSERT_TRUE(load("vault"));
    ASSERT_TRUE(load("notes"));
    unload("notes");
    unload("vault");
    EXPECT_THAT(keyring.volume_keys(), IsEmpty());
    const auto unlocked = load("vault");
    ASSERT_TRUE(unlocked);
    EXPECT_THAT(unlocked->also_loaded, IsEmpty());
    EXPECT_EQ(load("notes")->method, UnlockMethod::tpm) << "it starts when it is asked for";
}

TEST_F(UnlockTest, AChangedPcrIsNamedAndThePassphraseOpens) {
    reboot();
    chip.extend(7, "another boot chain");
    expect_opened_by_passphrase(RefusalKind::policy_mismatch);
    ASSERT_EQ(reported.refusals[0].slots.size(), 1U);
    const SlotRefusal& slot = reported.refusals[0].slots[0];
    ASSERT_EQ(slot.mismatches.size(), 1U);
    EXPECT_EQ(slot.mismatches[0].pcr, 7U);
    EXPECT_EQ(slot.mismatches[0].expected, std::string(64, '0'));
    EXPECT_NE(slot.mismatches[0].found, slot.mismatches[0].expected);
    EXPECT_EQ(pauses, 0U) << "a changed PCR stays changed: nothing to try again";
}

TEST_F(UnlockTest, KeysFromThePassphraseAreThoseFromTheTpm) {
    reboot();
    ASSERT_TRUE(load("vault"));
    const std::vector<std::byte> by_tpm = keyring.fekek(std::string{vault_signature});
    const std::vector<std::byte> names_by_tpm = keyring.fekek(std::string{vault_filename_signature});
    reboot();
    opener.set_absent(true);
    expect_opened_by_passphrase(RefusalKind::no_tpm);
    EXPECT_EQ(keyring.fekek(std::string{vault_signature}), by_tpm);
    EXPECT_EQ(keyring.fekek(std::string{vault_filename_signature}), names_by_tpm);
}

TEST_F(UnlockTest, AWrongPassphraseMayBeTypedTwice) {
    reboot();
    chip.clear();
    prompt.answer("wrong");
    prompt.answer(std::string(100, 'x'));
    expect_opened_by_passphrase(RefusalKind::srk_missing);
    EXPECT_THAT(reported.tries_left, ElementsAre(2U, 1U));
    EXPECT_EQ(prompt.questions()[0].id, "sealmount:vault");
    EXPECT_EQ(prompt.questions()[0].timeout, std::chrono::seconds{90});
}

TEST_F(UnlockTest, ThreeWrongPassphrasesEndIt) {
    reboot();
    chip.extend(7, "x");
    for (const char* const wrong : {"one", "two", "three", "four"}) {
        prompt.answer(wrong);
    }
    const auto unlocked = load("vault");
    ASSERT_FALSE(unlocked);
    EXPECT_EQ(unlocked.error().kind, RefusalKind::passphrase_wrong);
    EXPECT_EQ(prompt.questions().size(), 3U);
    EXPECT_THAT(keyring.volume_keys(), IsEmpty());
}

TEST_F(UnlockTest, AHeadlessVolumeFailsWithoutAQuestion) {
    EnrollRequest server = request("server");
    server.volume.headless = true;
    enroll(server, "another passphrase");
    reboot();
    chip.extend(7, "x");
    prompt.answer("another passphrase");
    const auto unlocked = load("server");
    ASSERT_FALSE(unlocked);
    EXPECT_EQ(unlocked.error().kind, RefusalKind::policy_mismatch);
    EXPECT_THAT(prompt.questions(), IsEmpty());
}

TEST_F(UnlockTest, NobodyAnsweringIsARefusal) {
    reboot();
    chip.extend(7, "x");
    prompt.refuse(RefusalKind::prompt_timeout);
    const auto unlocked = load("vault");
    ASSERT_FALSE(unlocked);
    EXPECT_EQ(unlocked.error().kind, RefusalKind::prompt_timeout);
}

TEST_F(UnlockTest, AnotherTpmIsDistinguishedFromChangedPcrs) {
    reboot();
    chip.clear();
    chip.make_srk();
    expect_opened_by_passphrase(RefusalKind::srk_changed);
}

TEST_F(UnlockTest, AnotherTpmWithOtherPcrsIsStillAnotherTpm) {
    reboot();
    chip.clear();
    chip.make_srk();
    chip.extend(7, "x");
    expect_opened_by_passphrase(RefusalKind::srk_changed);
}

TEST_F(UnlockTest, ABusyTpmIsWaitedFor) {
    reboot();
    opener.set_busy(5);
    ASSERT_TRUE(load("vault"));
    EXPECT_EQ(pauses, 5U);
}

TEST_F(UnlockTest, PcrsThatChangeDuringTheUnsealAreTriedAgain) {
    reboot();
    chip.disturb_sessions(3);
    const auto unlocked = load("vault");
    ASSERT_TRUE(unlocked);
    EXPECT_EQ(unlocked->method, UnlockMethod::tpm);
    EXPECT_EQ(pauses, 3U);
}

TEST_F(UnlockTest, PcrsThatNeverRestAreGivenUp) {
    reboot();
    chip.disturb_sessions(1000);
    expect_opened_by_passphrase(RefusalKind::pcr_changed);
    EXPECT_EQ(pauses, unseal_tries - 1);
    chip.disturb_sessions(0);
}

TEST_F(UnlockTest, ASealedObjectThatTheTpmDoesNotKnowIsNotTriedAgain) {
    MasterFile master = store.master("default");
    master.slots[0].sealed.private_area.back() ^= std::byte{1};
    store.write_master("default", master);
    reboot();
    expect_opened_by_passphrase(RefusalKind::object_rejected);
    EXPECT_EQ(pauses, 0U);
}

TEST_F(UnlockTest, TheSecondSlotOpensWhenTheFirstDoesNotFit) {
    change_master([](MasterFile& master) {
        Slot other = master.slots[0];
        other.id = 2;
        other.policy.pcrs[0].values[7] = std::vector<std::byte>(32, std::byte{0xff});
        master.slots.insert(master.slots.begin(), other);
    });
    reboot();
    const auto unlocked = load("vault");
    ASSERT_TRUE(unlocked);
    EXPECT_EQ(unlocked->slot, 1U);
}

TEST_F(UnlockTest, AMissingMasterFileCostsNoMoreThanTyping) {
    store.remove_master("default");
    reboot();
    expect_opened_by_passphrase(RefusalKind::files_unusable);
    EXPECT_THAT(reported.refusals[0].detail, ::testing::HasSubstr("masters/default.json"));
}

TEST_F(UnlockTest, AMasterFileThatLeadsInACircleCostsNoMoreThanTyping) {
    const auto file = store.paths().master("default");
    std::filesystem::remove(file);
    std::filesystem::create_symlink(file.filename(), file);
    reboot();
    expect_opened_by_passphrase(RefusalKind::tpm_failed);
}

TEST_F(UnlockTest, AMasterFileWithEventsOfNoPcrCostsNoMoreThanTyping) {
    const auto file = store.paths().master("default");
    std::ifstream stream{file};
    Json json = Json::parse(stream);
    json["slots"][0]["events"] = Json::parse(R"({"sha256":{"":[]}})");
    std::ofstream{file} << json.dump();
    reboot();
    expect_opened_by_passphrase(RefusalKind::files_unusable);
}

TEST_F(UnlockTest, ADamagedKeyFileCostsNoMoreThanTyping) {
    std::ofstream{store.paths().key(vault_signature)} << "nonsense";
    reboot();
    expect_opened_by_passphrase(RefusalKind::files_unusable);
}

TEST_F(UnlockTest, AKeyOfAnotherMasterIsRefusedByTheKernel) {
    const SecretBytes somebodys{std::vector(master_key_size, std::byte{1})};
    store.write_key(vault_signature, compose_encrypted_key("trusted:default", somebodys,
                                                           SecretBytes{std::vector(fekek_size, std::byte{2})},
                                                           bound_vector(vault_signature)));
    reboot();
    expect_opened_by_passphrase(RefusalKind::text_rejected);
    store.write_key(vault_signature, "ecryptfs trusted:default 64 " + std::string(226, '0'));
    reboot();
    reported.refusals.clear();
    expect_opened_by_passphrase(RefusalKind::store_changed);
}

TEST_F(UnlockTest, WithoutATpmItIsTheTpmThatIsMissingAndNotTheKernelsKeyType) {
    reboot();
    opener.set_absent(true);
    keyring.set_trusted_type(false);
    expect_opened_by_passphrase(RefusalKind::no_tpm);
    keyring.set_trusted_type(true);
}

TEST_F(UnlockTest, AUserKeyInTheWayIsReported) {
    reboot();
    keyring.add_user_key(std::string{vault_signature});
    ASSERT_TRUE(load("vault"));
    EXPECT_THAT(reported.user_keys, ElementsAre(std::string{vault_signature}));
}

TEST_F(UnlockTest, ASharedKeyStaysUntilItsLastVolumeStops) {
    enroll("more", vault_passphrase);
    reboot();
    ASSERT_TRUE(load("vault"));
    ASSERT_TRUE(load("more"));
    unload("vault");
    EXPECT_THAT(keyring.volume_keys(), ElementsAre(std::string{vault_signature}));
    unload("more");
    EXPECT_THAT(keyring.volume_keys(), IsEmpty());
}

TEST_F(UnlockTest, AVolumeThatLeftTheManifestCanStillBeStopped) {
    reboot();
    ASSERT_TRUE(load("vault"));
    static_cast<void>(remove_volume(store, "vault"));
    unload("vault");
    EXPECT_THAT(keyring.volume_keys(), IsEmpty());
}

TEST_F(UnlockTest, StoppingTwiceIsNoError) {
    reboot();
    unload("vault");
    ASSERT_TRUE(load("vault"));
    unload("vault");
    unload("vault");
    EXPECT_THAT(keyring.volume_keys(), IsEmpty());
}

TEST_F(UnlockTest, WithoutNotesTheManifestSaysWhichKeysGo) {
    reboot();
    ASSERT_TRUE(load("vault"));
    std::filesystem::remove_all(store.paths().runtime());
    unload("vault");
    EXPECT_THAT(keyring.volume_keys(), IsEmpty());
    EXPECT_EQ(volume_state(store.paths(), "vault"), VolumeState::stopped);
}

TEST_F(UnlockTest, WithAnUnreadableManifestTheNoteSaysWhichKeysGo) {
    enroll("notes", "another passphrase");
    reboot();
    ASSERT_TRUE(load("vault"));
    const std::string other = store.volume("notes").signature;
    std::ofstream{store.paths().manifest()} << "not JSON";
    unload("vault");
    EXPECT_THAT(keyring.volume_keys(), ElementsAre(other));
    EXPECT_EQ(volume_state(store.paths(), "vault"), VolumeState::stopped);
}

TEST_F(UnlockTest, WithoutNoteAndManifestAllKeysGoThatNobodyClaims) {
    enroll("notes", "another passphrase");
    enroll("third", "a third passphrase");
    reboot();
    ASSERT_TRUE(load("vault"));
    const std::string noted = store.volume("notes").signature;
    std::filesystem::remove(store.paths().loaded() / "vault");
    std::filesystem::remove(store.paths().loaded() / "third");
    const std::string manifest = store.manifest_text();
    std::ofstream{store.paths().manifest()} << "not JSON";
    unload("vault");
    EXPECT_THAT(keyring.volume_keys(), ElementsAre(noted)) << "whose note says whose it is";
    std::ofstream{store.paths().manifest()} << manifest;
    ASSERT_TRUE(load("third")) << "which asks again";
}

TEST_F(UnlockTest, WithoutNoteABadVolumeOfTheManifestTakesNoKeysOfOthers) {
    enroll("notes", "another passphrase");
    reboot();
    ASSERT_TRUE(load("vault"));
    const std::string other = store.volume("notes").signature;
    std::filesystem::remove_all(store.paths().loaded());
    std::string manifest = store.manifest_text();
    manifest.insert(manifest.find("\"name\": \"vault\""), "\"size\": 1, ");
    std::ofstream{store.paths().manifest()} << manifest;
    unload("vault");
    EXPECT_THAT(keyring.volume_keys(), ElementsAre(other));
}

TEST_F(UnlockTest, AStopTakesNoNewFile) {
    reboot();
    ASSERT_TRUE(load("vault"));
    const auto inode = [&](const std::filesystem::path& directory) {
        struct ::stat status = {};
        EXPECT_EQ(::lstat((directory / "vault").c_str(), &status), 0);
        return status.st_ino;
    };
    const auto before = inode(store.paths().loaded());
    unload("vault");
    EXPECT_EQ(inode(store.paths().stopped()), before);
    ASSERT_TRUE(load("vault"));
    EXPECT_EQ(inode(store.paths().loaded()), before);
}

TEST_F(UnlockTest, ANoteOfKeysThatAreGoneIsNotBelieved) {
    reboot();
    ASSERT_TRUE(load("vault"));
    lose_keys();
    const auto unlocked = load("vault");
    ASSERT_TRUE(unlocked);
    EXPECT_EQ(unlocked->method, UnlockMethod::tpm);
    lose_keys();
    chip.extend(7, "x");
    prompt.refuse(RefusalKind::prompt_timeout);
    EXPECT_FALSE(load("vault"));
    EXPECT_EQ(volume_state(store.paths(), "vault"), VolumeState::untouched)
        << "or its mount would be tried without keys";
}

TEST_F(UnlockTest, AnUnknownVolumeIsAnError) {
    EXPECT_THROW(static_cast<void>(load("nobody")), Error);
}

TEST_F(UnlockTest, AnotherBadVolumeCostsOnlyItself) {
    Json document = parse_json(store.manifest_text());
    document["volumes"].push_back({{"name", "broken"}, {"lower", "relative"}});
    store.write_manifest(document.dump());
    reboot();
    ASSERT_TRUE(load("vault"));
    EXPECT_THROW(static_cast<void>(load("broken")), Error);
}

TEST_F(UnlockTest, WhereverTheTpmGivesWayThePassphraseOpens) {
    for (unsigned calls = 0;; ++calls) {
        reboot();
        reported = {};
        prompt.answer(std::string{vault_passphrase});
        const std::size_t asked = prompt.questions().size();
        chip.fail_after(calls);
        const auto unlocked = load("vault");
        ASSERT_TRUE(unlocked) << "after " << calls << " commands";
        EXPECT_EQ(chip.open_sessions(), 0U) << "after " << calls << " commands";
        EXPECT_EQ(keyring.masters(), 0U);
        if (!chip.fault().struck()) {
            EXPECT_EQ(unlocked->method, UnlockMethod::tpm);
            EXPECT_EQ(prompt.questions().size(), asked);
            EXPECT_GT(calls, 3U) << "the walk went somewhere";
            break;
        }
    }
}

TEST_F(UnlockTest, WhereverTheKeyringGivesWayNoReadableKeyStays) {
    for (unsigned calls = 0;; ++calls) {
        reboot();
        prompt.answer(std::string{vault_passphrase});
        keyring.fail_after(calls);
        try {
            static_cast<void>(load("vault"));
        } catch (const Error&) { // NOLINT(bugprone-empty-catch): what matters is what stays
        }
        const bool struck = keyring.fault().struck();
        keyring.end_process();
        for (const std::string& signature : keyring.volume_keys()) {
            EXPECT_FALSE(keyring.readable(signature)) << "after " << calls << " calls";
        }
        EXPECT_EQ(chip.open_sessions(), 0U) << "after " << calls << " calls";
        if (!struck) {
            EXPECT_GT(calls, 5U) << "the walk went somewhere";
            break;
        }
    }
}

TEST_F(UnlockTest, AnAbsentLowerDirectoryLoadsNoKeyAndAsksNobody) {
    reboot();
    std::filesystem::rename(root / "srv/.vault", root / "srv/.elsewhere");
    const auto unlocked = load("vault");
    ASSERT_FALSE(unlocked);
    EXPECT_EQ(unlocked.error().kind, RefusalKind::ground_changed);
    EXPECT_NE(unlocked.error().detail.find("/srv/.vault is not there"), std::string::npos);
    EXPECT_THAT(keyring.volume_keys(), IsEmpty());
    EXPECT_THAT(prompt.questions(), IsEmpty());
    EXPECT_THAT(reported.steps, IsEmpty()) << "the TPM is not asked";
}

TEST_F(UnlockTest, AnAbsentLowerDirectoryCostsOnlyItsVolume) {
    enroll("notes", "another passphrase");
    reboot();
    std::filesystem::rename(root / "srv/.vault", root / "srv/.elsewhere");
    const auto unlocked = load("notes");
    ASSERT_TRUE(unlocked);
    EXPECT_THAT(unlocked->also_loaded, IsEmpty());
    ASSERT_EQ(unlocked->skipped.size(), 1U);
    EXPECT_EQ(unlocked->skipped.front().find("vault: the lower directory is not what it was"), 0U);
    EXPECT_FALSE(keyring.has_volume_key(vault_signature));
    unload("notes");
}

} // namespace

} // namespace sealmount::testing
