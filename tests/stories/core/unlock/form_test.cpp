// Every machine: kernels with and without trusted keys, a TPM that comes late, is held by others or is full.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/store/boot_window.hpp"
#include "core/store/volume_state.hpp"
#include "stories/fake_machine.hpp"

#include <gmock/gmock.h>

namespace sealmount::testing {

namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class FormTest : public FakeMachine {
  protected:
    void SetUp() override { enroll_vault(FormChoice::any); }

    void TearDown() override {
        keyring.set_trusted_type(true);
        keyring.set_trusted_masters(true);
        FakeMachine::TearDown();
    }

    void enroll_vault(const FormChoice form) {
        EnrollRequest vault = request("vault");
        vault.filename_encryption = true;
        vault.volume.form = form;
        enroll(vault, vault_passphrase);
        reboot();
    }

    /// Another manifest entry for the same volume, with a demand.
    void demand_trusted_keys() {
        Volume volume = store.volume("vault");
        volume.form = FormChoice::trusted;
        store.write_manifest(manifest_with(manifest_without(store.manifest_text(), "vault"), volume));
    }

    void expect_opened(const MasterForm form) {
        const auto unlocked = load("vault");
        ASSERT_TRUE(unlocked);
        EXPECT_EQ(unlocked->method, UnlockMethod::tpm);
        EXPECT_EQ(unlocked->form, form);
        EXPECT_EQ(unlocked->slot, 1U);
        EXPECT_THAT(reported.refusals, IsEmpty());
        EXPECT_THAT(prompt.questions(), IsEmpty());
        EXPECT_THAT(keyring.volume_keys(),
                    ElementsAre(std::string{vault_signature}, std::string{vault_filename_signature}));
    }

    /// What is reported when nobody can be asked.
    MasterRefusal refused() {
        EXPECT_FALSE(load("vault"));
        EXPECT_EQ(reported.refusals.size(), 1U);
        return reported.refusals.empty() ? MasterRefusal{} : reported.refusals.front();
    }
};

TEST_F(FormTest, KernelsWithTrustedKeysUseThem) {
    expect_opened(MasterForm::trusted);
}

TEST_F(FormTest, KernelsWithoutTrustedKeysOpenTheSameFilesWithAUserKey) {
    expect_opened(MasterForm::trusted);
    const auto by_trusted = keyring.fekek(std::string{vault_signature});
    unload("vault");
    keyring.set_trusted_type(false);
    keyring.set_trusted_masters(false);
    const auto files = tree();
    expect_opened(MasterForm::user);
    EXPECT_EQ(keyring.fekek(std::string{vault_signature}), by_trusted);
    EXPECT_EQ(tree(), files);
    EXPECT_EQ(keyring.masters(), 0U) << "the user key is gone with the load";
}

TEST_F(FormTest, TrustedKeysAsAModuleBesideBuiltInEncryptedKeysMeanAUserKey) {
    keyring.set_trusted_masters(false);
    expect_opened(MasterForm::user);
}

TEST_F(FormTest, TheFallbackKeepsTheWarningAndTheMoment) {
    EnrollRequest weak = request("weak");
    weak.volume.master = "weak";
    weak.policy = {};
    weak.policy.boot_window = std::chrono::seconds{60};
    enroll(weak, "another passphrase");
    EnrollRequest weaker = request("weaker");
    weaker.volume.master = "weaker";
    weaker.policy = {};
    enroll(weaker, "a third passphrase");
    reboot();
    keyring.set_trusted_masters(false);
    EXPECT_EQ(load("weak")->form, MasterForm::user);
    EXPECT_TRUE(time_of_unseal(store.paths(), "weak", {}));
    const auto unlocked = load("weaker");
    EXPECT_EQ(unlocked->form, MasterForm::user);
    EXPECT_THAT(unlocked->weakness, HasSubstr("its policy is empty"));
    EXPECT_THAT(reported.fallbacks, ElementsAre(RefusalKind::key_type_absent, RefusalKind::key_type_absent));
}

TEST_F(FormTest, ADemandForTrustedKeysIsKept) {
    demand_trusted_keys();
    expect_opened(MasterForm::trusted);
    unload("vault");
    keyring.set_trusted_type(false);
    const MasterRefusal refusal = refused();
    EXPECT_EQ(refusal.kind, RefusalKind::key_type_absent);
    EXPECT_THAT(refusal.detail, HasSubstr("the manifest demands"));
    EXPECT_EQ(prompt.questions().size(), 1U) << "the passphrase may still be typed";
}

TEST_F(FormTest, ADemandForTrustedKeysIsKeptByOtherVolumesToo) {
    EnrollRequest notes = request("notes");
    notes.volume.form = FormChoice::trusted;
    enroll(notes, "another passphrase");
    reboot();
    EXPECT_THAT(load("vault")->also_loaded, ElementsAre("notes"));
    reboot();
    keyring.set_trusted_type(false);
    EXPECT_THAT(load("vault")->also_loaded, IsEmpty());
}

TEST_F(FormTest, AKernelWithoutEncryptedKeysIsReported) {
    keyring.set_encrypted_type(false);
    EXPECT_EQ(refused().kind, RefusalKind::key_type_absent);
    keyring.set_encrypted_type(true);
}

TEST_F(FormTest, ARawDeviceThatStaysBusyIsGotAround) {
    opener.set_busy(1000);
    expect_opened(MasterForm::user);
    EXPECT_EQ(pauses, open_tries - 1) << "the better form is waited for first";
    EXPECT_THAT(reported.fallbacks, ElementsAre(RefusalKind::tpm_busy));
}

TEST_F(FormTest, WhoHoldsTheRawDeviceIsReportedWhereTrustedKeysAreDemanded) {
    demand_trusted_keys();
    opener.set_busy(1000);
    opener.set_holders({"tpm2-abrmd (pid 77)"});
    const MasterRefusal refusal = refused();
    EXPECT_EQ(refusal.kind, RefusalKind::tpm_busy);
    EXPECT_THAT(refusal.detail, HasSubstr("tpm2-abrmd (pid 77)"));
}

TEST_F(FormTest, AMachineWithoutATpmDoesNotWait) {
    opener.set_absent(true);
    EXPECT_EQ(refused().kind, RefusalKind::no_tpm);
    EXPECT_EQ(opener.waited().count(), 0);
}

TEST_F(FormTest, ATpmThatTheFirmwareAnnouncesIsWaitedFor) {
    opener.announce(true);
    expect_opened(MasterForm::trusted);
}

TEST_F(FormTest, ATpmThatNeverAppearsIsWaitedForOnce) {
    opener.announce(false);
    const MasterRefusal refusal = refused();
    EXPECT_EQ(refusal.kind, RefusalKind::no_tpm);
    EXPECT_THAT(refusal.detail, HasSubstr("no device appeared in 30 seconds"));
    EXPECT_EQ(opener.waited(), tpm_appearance_limit);
}

TEST_F(FormTest, WhatOthersLeftInAFullTpmIsDropped) {
    chip.leave_objects(3);
    expect_opened(MasterForm::trusted);
    EXPECT_EQ(chip.leftovers(), 0U);
    EXPECT_THAT(reported.fallbacks, IsEmpty());
}

TEST_F(FormTest, WhatOthersLeftInAFullTpmIsDroppedForAUserKeyToo) {
    keyring.set_trusted_type(false);
    chip.leave_objects(3);
    expect_opened(MasterForm::user);
    EXPECT_EQ(chip.leftovers(), 0U);
}

TEST_F(FormTest, AFullTpmWhoseRawDeviceIsHeldIsReported) {
    keyring.set_trusted_type(false);
    chip.leave_objects(3);
    opener.set_busy(1000);
    EXPECT_EQ(refused().kind, RefusalKind::tpm_full);
    chip.leave_objects(0);
}

TEST_F(FormTest, WhatMayStayInTheTpmStays) {
    chip.leave_objects(1);
    expect_opened(MasterForm::trusted);
    EXPECT_EQ(chip.leftovers(), 1U);
}

TEST_F(FormTest, KernelsThatWouldDisableAFullTpmGetItEmpty) {
    opener.set_kernel_needs_room(true);
    chip.leave_objects(1);
    expect_opened(MasterForm::trusted);
    EXPECT_EQ(chip.leftovers(), 0U);
}

TEST_F(FormTest, TenVolumesCostTheTpmNoMoreThanOne) {
    std::map<MasterForm, unsigned> one;
    std::map<MasterForm, unsigned> ten;
    const auto count = [&](std::map<MasterForm, unsigned>& commands) {
        for (const MasterForm form : {MasterForm::trusted, MasterForm::user}) {
            keyring.set_trusted_type(form == MasterForm::trusted);
            reboot();
            const unsigned before = chip.commands();
            EXPECT_EQ(load("vault")->form, form);
            commands[form] = chip.commands() - before;
        }
        keyring.set_trusted_type(true);
    };
    count(one);
    for (unsigned volume = 2; volume <= 10; ++volume) {
        enroll("volume" + std::to_string(volume), "passphrase " + std::to_string(volume));
    }
    count(ten);
    EXPECT_EQ(ten, one);
}

TEST_F(FormTest, ThePassphraseOfTheServiceOpensBeforeAnybodyIsAsked) {
    chip.extend(7, "another boot chain");
    credential = vault_passphrase;
    const auto unlocked = load("vault");
    ASSERT_TRUE(unlocked);
    EXPECT_EQ(unlocked->method, UnlockMethod::credential);
    EXPECT_THAT(prompt.questions(), IsEmpty());
    EXPECT_EQ(reported.refusals.size(), 1U) << "that the TPM refused is reported all the same";
}

TEST_F(FormTest, AWrongPassphraseOfTheServiceIsReportedAndAPersonAsked) {
    chip.extend(7, "another boot chain");
    credential = "wrong";
    prompt.answer(std::string{vault_passphrase});
    const auto unlocked = load("vault");
    ASSERT_TRUE(unlocked);
    EXPECT_EQ(unlocked->method, UnlockMethod::passphrase);
    EXPECT_EQ(reported.wrong_credentials, 1U);
}

TEST_F(FormTest, KeysLoadedWithAnotherVolumeStayUntilTheirOwnStops) {
    enroll("notes", "another passphrase");
    enroll("third", "a third passphrase");
    reboot();
    ASSERT_TRUE(load("vault"));
    EXPECT_EQ(keyring.volume_keys().size(), 4U);
    unload("vault");
    EXPECT_EQ(keyring.volume_keys().size(), 2U) << "those of notes and third";
    EXPECT_EQ(load("notes")->method, UnlockMethod::already_loaded);
    unload("notes");
    unload("third");
    EXPECT_THAT(keyring.volume_keys(), IsEmpty());
}

TEST_F(FormTest, AnUnlockThatWasKilledHalfWayIsTakenBack) {
    ASSERT_TRUE(load("vault"));
    forget_loaded(store.paths(), "vault"); // as if it had not come to its end
    unload("vault");
    EXPECT_THAT(keyring.volume_keys(), IsEmpty());
}

} // namespace

} // namespace sealmount::testing
