// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/check/status.hpp"
#include "core/slots/recovery.hpp"
#include "core/slots/rotate.hpp"
#include "core/slots/suspend.hpp"
#include "core/store/volume_state.hpp"
#include "core/unlock/rescue.hpp"
#include "stories/fake_machine.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <fstream>

namespace sealmount::testing {

namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::string_view notes_passphrase = "another passphrase";
/// A passphrase that reads as a recovery key.
constexpr std::string_view modhex_passphrase =
    "cbdefghijklnrtuvcbdefghijklnrtuvcbdefghijklnrtuvcbdefghijklnrtuv";

class RecoveryTest : public FakeMachine {
  protected:
    RecoveryTest() : key(random_secret(recovery_key_size)) {}

    void SetUp() override {
        EnrollRequest vault = request("vault");
        vault.filename_encryption = true;
        vault.volume.rebind_after_recovery = true;
        vault.recovery_key = &key;
        EXPECT_EQ(enroll(vault, vault_passphrase).recovery_slot, 2U);
        enroll("notes", notes_passphrase);
    }

    void TearDown() override {
        key = {};
        FakeMachine::TearDown();
    }

    SlotContext context() { return {.machine = machine, .store = store}; }

    static std::string text_of(const SecretBytes& recovery_key) {
        const SecretBytes text = recovery_key_text(recovery_key);
        return {reinterpret_cast<const char*>(text.bytes().data()), text.size()};
    }

    std::vector<unsigned> recovery_slots() const {
        std::vector<unsigned> ids;
        for (const RecoverySlot& slot : store.master("default").recovery) {
            ids.push_back(slot.id);
        }
        return ids;
    }

    bool opens(const SecretBytes& recovery_key) const {
        return open_with_recovery_key("default", store.master("default"), recovery_key).has_value();
    }

    SecretBytes key;
};

TEST_F(RecoveryTest, WithoutAPassphraseOnlyTheRecoveryKeyIsAskedFor) {
    EnrollRequest raw = request("raw");
    raw.volume.no_passphrase = true;
    enroll(raw, "whatever made its key");
    reboot();
    chip.extend(7, "another boot chain");
    prompt.answer(text_of(key));
    ASSERT_TRUE(load("raw"));
    ASSERT_EQ(prompt.questions().size(), 1U);
    EXPECT_EQ(prompt.questions()[0].text, "Recovery key of the eCryptfs volume raw (/srv/raw):");
}

TEST_F(RecoveryTest, WithoutAPassphraseAndARecoveryKeyNobodyIsAsked) {
    EnrollRequest raw = request("raw");
    raw.volume.master = "second";
    raw.volume.no_passphrase = true;
    enroll(raw, "whatever made its key");
    reboot();
    chip.extend(7, "another boot chain");
    const auto refused = load("raw");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, RefusalKind::policy_mismatch);
    EXPECT_EQ(prompt.questions().size(), 0U);
}

TEST_F(RecoveryTest, OneAnswerOpensEveryAutomaticVolumeOfTheMaster) {
    for (int i = 3; i <= 10; ++i) {
        EnrollRequest more = request("v" + std::to_string(i));
        more.volume.form = i == 10 ? FormChoice::trusted : FormChoice::any;
        enroll(more, "passphrase " + std::to_string(i));
    }
    reboot();
    chip.extend(7, "another boot chain");
    prompt.answer(text_of(key));
    const auto unlocked = load("notes");
    ASSERT_TRUE(unlocked);
    EXPECT_EQ(unlocked->method, UnlockMethod::recovery_key);
    EXPECT_EQ(unlocked->slot, 2U);
    EXPECT_EQ(unlocked->also_loaded.size(), 9U);
    EXPECT_THAT(unlocked->skipped, IsEmpty());
    ASSERT_EQ(prompt.questions().size(), 1U);
    EXPECT_EQ(prompt.questions()[0].text,
              "Passphrase or recovery key of the eCryptfs volume notes (/srv/notes):");
    EXPECT_EQ(load("vault")->method, UnlockMethod::already_loaded);
    EXPECT_EQ(load("v10")->method, UnlockMethod::already_loaded) << "a typed key opens whatever the form";
    EXPECT_EQ(loaded_by(store.paths(), "notes"), "recovery-key");
    EXPECT_EQ(loaded_by(store.paths(), "v10"), "recovery-key");
    EXPECT_EQ(prompt.questions().size(), 1U);
}

TEST_F(RecoveryTest, WithoutATpmItOpensAsWell) {
    reboot();
    opener.set_absent(true);
    prompt.answer(text_of(key));
    ASSERT_TRUE(load("notes"));
    EXPECT_EQ(load("vault")->method, UnlockMethod::already_loaded);
}

TEST_F(RecoveryTest, TheCredentialMayBeTheRecoveryKey) {
    reboot();
    opener.set_absent(true);
    credential = text_of(key);
    EXPECT_EQ(load("notes")->method, UnlockMethod::recovery_key);
    EXPECT_THAT(prompt.questions(), IsEmpty());
}

TEST_F(RecoveryTest, APassphraseOpensItsOwnVolumeOnly) {
    reboot();
    opener.set_absent(true);
    prompt.answer(std::string{notes_passphrase});
    const auto unlocked = load("notes");
    ASSERT_TRUE(unlocked);
    EXPECT_EQ(unlocked->method, UnlockMethod::passphrase);
    EXPECT_THAT(unlocked->also_loaded, IsEmpty());
}

TEST_F(RecoveryTest, WhatReadsAsARecoveryKeyMayBeAPassphrase) {
    enroll("odd", modhex_passphrase);
    reboot();
    opener.set_absent(true);
    prompt.answer(text_of(random_secret(recovery_key_size)));
    prompt.answer(std::string{modhex_passphrase});
    EXPECT_EQ(load("odd")->method, UnlockMethod::passphrase);
    EXPECT_THAT(reported.tries_left, ElementsAre(2U)) << "another recovery key is a wrong answer";
}

TEST_F(RecoveryTest, WaitingQuestionsAreWithdrawn) {
    reboot();
    opener.set_absent(true);
    prompt.answer(text_of(key));
    std::optional<UnlockMethod> inner;
    prompt.while_asking([&] { inner = load("vault")->method; });
    EXPECT_EQ(load("notes")->method, UnlockMethod::already_loaded);
    EXPECT_EQ(inner, UnlockMethod::recovery_key);
    EXPECT_EQ(prompt.questions().size(), 2U);
    EXPECT_EQ(loaded_by(store.paths(), "notes"), "recovery-key");
}

TEST_F(RecoveryTest, APassphraseAnswersForVolumesOfTheSameSignature) {
    enroll("twin", notes_passphrase);
    reboot();
    opener.set_absent(true);
    prompt.answer(std::string{notes_passphrase});
    prompt.while_asking([&] { EXPECT_EQ(load("twin")->method, UnlockMethod::passphrase); });
    EXPECT_EQ(load("notes")->method, UnlockMethod::already_loaded) << "withdrawn";
    unload("twin");
    EXPECT_EQ(keyring.volume_keys().size(), 1U) << "the other one has it still";
    EXPECT_EQ(load("twin")->method, UnlockMethod::already_loaded) << "not even asked";
}

TEST_F(RecoveryTest, DamagedKeyFilesLeaveThePassphrase) {
    reboot();
    opener.set_absent(true);
    std::filesystem::remove(store.paths().key(vault_signature));
    prompt.answer(text_of(key));
    prompt.answer(std::string{vault_passphrase});
    EXPECT_EQ(load("vault")->method, UnlockMethod::passphrase);
    EXPECT_THAT(reported.useless, ElementsAre(HasSubstr("is missing")));
}

TEST_F(RecoveryTest, ItBindsToThePresentStateRightThen) {
    reboot();
    chip.extend(7, "new firmware");
    const auto keys_before = store.key(vault_signature);
    prompt.answer(text_of(key));
    ASSERT_TRUE(load("vault"));
    EXPECT_THAT(reported.rebound_whole, ElementsAre(true));
    EXPECT_EQ(store.key(vault_signature), keys_before) << "the master key is the same";
    EXPECT_EQ(store.master("default").slots.size(), 2U) << "the old state may come back";
    EXPECT_TRUE(opens(key));
    reboot();
    chip.extend(7, "new firmware");
    EXPECT_EQ(load("vault")->method, UnlockMethod::tpm);
    reboot();
    EXPECT_EQ(load("vault")->method, UnlockMethod::tpm);
}

TEST_F(RecoveryTest, AnotherTpmIsForAPersonToAccept) {
    reboot();
    chip.clear();
    const auto before = tree();
    prompt.answer(text_of(key));
    ASSERT_TRUE(load("vault"));
    EXPECT_THAT(reported.rebind_failures, ElementsAre(HasSubstr("storage root key is not that of")));
    EXPECT_EQ(tree(), before);
    EXPECT_FALSE(chip.has_srk()) << "nor was one made";
    EXPECT_THROW(reseal_recovered(context(), "default", open_by_recovery_key(store, "default", key).key),
                 Error);
    EXPECT_EQ(tree(), before);
}

TEST_F(RecoveryTest, SomebodyInBetweenGetsNothingFromARecovery) {
    reboot();
    chip.extend(7, "new firmware");
    const auto before = tree();
    chip.interpose_after(0);
    prompt.answer(text_of(key));
    ASSERT_TRUE(load("vault"));
    EXPECT_THAT(reported.rebind_failures, ElementsAre(HasSubstr("storage root key is not that of")));
    EXPECT_EQ(tree(), before);
    chip.end_interposing();
}

TEST_F(RecoveryTest, AnotherTpmTakesThePlaceOfTheDeadOne) {
    reboot();
    chip.clear();
    SlotContext slots = context();
    slots.accepts_new_tpm = true;
    reseal_recovered(slots, "default", open_by_recovery_key(store, "default", key).key);
    EXPECT_EQ(store.master("default").slots.size(), 1U);
    EXPECT_THAT(recovery_slots(), ElementsAre(2U));
    reboot();
    EXPECT_EQ(load("vault")->method, UnlockMethod::tpm);
    EXPECT_EQ(load("notes")->method, UnlockMethod::already_loaded);
}

TEST_F(RecoveryTest, PassphrasesAtBootDoNotMakeTheRecoveryKeyWorthless) {
    reboot();
    chip.extend(7, "new firmware");
    const auto before = tree();
    prompt.answer(std::string{vault_passphrase});
    ASSERT_TRUE(load("vault"));
    EXPECT_THAT(reported.rebind_failures, ElementsAre(HasSubstr("recovery key")));
    EXPECT_EQ(tree(), before);
}

TEST_F(RecoveryTest, FaultsOfTheTpmWhileResealingLeaveAllOpenable) {
    reboot();
    chip.clear();
    SlotContext slots = context();
    slots.accepts_new_tpm = true;
    unsigned faults = 0;
    for (unsigned commands = 0;; ++commands) {
        chip.fail_after(commands);
        try {
            reseal_recovered(slots, "default", open_by_recovery_key(store, "default", key).key);
            chip.fail_after(1000);
            break;
        } catch (const Error&) {
            chip.fail_after(1000);
            EXPECT_TRUE(opens(key)) << commands;
            ++faults;
        }
    }
    EXPECT_GT(faults, 3U);
    reboot();
    EXPECT_EQ(load("vault")->method, UnlockMethod::tpm);
}

TEST_F(RecoveryTest, VerbsAboutSlotsLeaveItAlone) {
    chip.extend(7, "new firmware");
    {
        OpenMaster master =
            ready_to_reseal(context(), "default", open_by_recovery_key(store, "default", key).key);
        Policy now;
        now.pcrs = parse_pcr_values("7");
        for (const BoundPolicy& bound : context().bound(*master.tpm, now)) {
            reseal(context(), master, {.bound = bound, .new_pin = nullptr, .note = ""});
        }
        EXPECT_TRUE(opens(key));
        suspend(context(), master, 1, {});
        EXPECT_TRUE(opens(key));
    }
    EXPECT_THAT(prune(context(), "default", {}), ElementsAre(1U));
    EXPECT_TRUE(opens(key));
    resume(context(), "default", false);
    EXPECT_TRUE(opens(key));
    OpenMaster master = open_master(context(), "default");
    keep_only(context(), master, {master.slot});
    EXPECT_TRUE(opens(key));
    try {
        prune(context(), "default", {.slots = {2}, .future = {}});
        FAIL();
    } catch (const Error& error) {
        EXPECT_THAT(error.what(), HasSubstr("is its recovery key"));
    }
}

TEST_F(RecoveryTest, RotationKeepsItWhenItIsGiven) {
    EXPECT_THAT(rotate(context(), open_master(context(), "default"), &key).recovery, ElementsAre(2U));
    reboot();
    opener.set_absent(true);
    prompt.answer(text_of(key));
    ASSERT_TRUE(load("vault"));
    EXPECT_EQ(load("notes")->method, UnlockMethod::already_loaded);
}

TEST_F(RecoveryTest, ANewOneTakesThePlaceOfTheOld) {
    const SecretBytes fresh = random_secret(recovery_key_size);
    const SecretBytes master = open_by_recovery_key(store, "default", key).key;
    const unsigned slot = add_recovery_key(store, "default", master, fresh);
    EXPECT_TRUE(opens(key)) << "until its owner has the new one";
    EXPECT_THAT(revoke_recovery_keys(store, "default", slot), ElementsAre(2U));
    EXPECT_FALSE(opens(key));
    EXPECT_TRUE(opens(fresh));
    EXPECT_THROW(static_cast<void>(open_by_recovery_key(store, "default", key)), Error);
    EXPECT_THAT(revoke_recovery_keys(store, "default", {}), ElementsAre(slot));
    EXPECT_THAT(recovery_slots(), IsEmpty());
    EXPECT_EQ(load("vault")->method, UnlockMethod::tpm);
}

TEST_F(RecoveryTest, TheKeyOfAKilledEnrollmentIsReplaced) {
    static_cast<void>(remove_volume(store, "notes"));
    std::filesystem::remove(store.paths().manifest()); // as if it had never been written
    const SecretBytes fresh = random_secret(recovery_key_size);
    EnrollRequest again = request("vault");
    again.filename_encryption = true;
    again.recovery_key = &fresh;
    const Enrolled enrolled = enroll(again, vault_passphrase);
    EXPECT_FALSE(enrolled.new_master);
    EXPECT_TRUE(enrolled.recovery_slot);
    EXPECT_FALSE(opens(key)) << "nobody can have seen it";
    EXPECT_TRUE(opens(fresh));
}

TEST_F(RecoveryTest, ABackupAndTheRecoveryKeyGiveTheKeys) {
    const Rescued by_key = rescue_from_backup(store, "vault", secret(text_of(key)));
    const Rescued by_passphrase = rescue_from_backup(store, "vault", secret(vault_passphrase));
    ASSERT_EQ(by_key.keys.size(), 2U);
    for (std::size_t i = 0; i < 2; ++i) {
        EXPECT_EQ(by_key.keys[i].signature, by_passphrase.keys[i].signature);
        EXPECT_TRUE(by_key.keys[i].key.equals(by_passphrase.keys[i].key.bytes()));
    }
    EXPECT_THROW(static_cast<void>(rescue_from_backup(store, "vault", secret("neither"))), Error);
    EXPECT_THROW(static_cast<void>(rescue_from_backup(store, "nobody", secret("neither"))), Error);
}

TEST_F(RecoveryTest, StatusHasIt) {
    const Status status = status_of(store, machine, std::nullopt);
    ASSERT_EQ(status.masters.size(), 1U);
    EXPECT_THAT(status.masters.front().recovery_slots, ElementsAre(2U));
}

} // namespace

} // namespace sealmount::testing
