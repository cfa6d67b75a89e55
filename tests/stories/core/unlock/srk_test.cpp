// The storage root key: evicted, locked or hidden by others.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "stories/fake_machine.hpp"

#include <gmock/gmock.h>

namespace sealmount::testing {

namespace {

using ::testing::IsEmpty;

class SrkTest : public FakeMachine {
  protected:
    void SetUp() override {
        enroll("vault", vault_passphrase);
        reboot();
    }

    void expect_opened_by_tpm() {
        const auto unlocked = load("vault");
        ASSERT_TRUE(unlocked);
        EXPECT_EQ(unlocked->method, UnlockMethod::tpm);
        EXPECT_THAT(prompt.questions(), IsEmpty());
    }

    void expect_refused(const RefusalKind kind) {
        prompt.answer(std::string{vault_passphrase});
        const auto unlocked = load("vault");
        ASSERT_TRUE(unlocked);
        EXPECT_EQ(unlocked->method, UnlockMethod::passphrase);
        ASSERT_FALSE(reported.refusals.empty());
        EXPECT_EQ(reported.refusals.back().kind, kind);
    }
};

TEST_F(SrkTest, AnEvictedOneIsMadeAgainForTheKernel) {
    chip.evict_srk();
    expect_opened_by_tpm();
    EXPECT_TRUE(chip.has_srk()) << "trusted keys require it at its handle";
}

TEST_F(SrkTest, AnEvictedOneIsOnlyBorrowedForUserKeys) {
    keyring.set_trusted_type(false);
    chip.evict_srk();
    expect_opened_by_tpm();
    EXPECT_FALSE(chip.has_srk());
    keyring.set_trusted_type(true);
}

TEST_F(SrkTest, AClearedTpmIsNotAnEvictedKey) {
    chip.clear();
    expect_refused(RefusalKind::srk_missing);
    EXPECT_FALSE(chip.has_srk());
}

TEST_F(SrkTest, AnOwnerPasswordLeavesAnEvictedOneMissing) {
    chip.evict_srk();
    chip.set_owner_password(true);
    expect_refused(RefusalKind::srk_missing);
}

TEST_F(SrkTest, ADisabledHierarchyIsNamed) {
    chip.disable_storage(true);
    expect_refused(RefusalKind::storage_disabled);
}

TEST_F(SrkTest, ALockedOneIsNamedInBothForms) {
    chip.lock_srk(true);
    expect_refused(RefusalKind::srk_locked);
    reboot();
    keyring.set_trusted_type(false);
    expect_refused(RefusalKind::srk_locked);
    keyring.set_trusted_type(true);
}

TEST_F(SrkTest, SomebodyInBetweenGetsNothingAtBoot) {
    keyring.set_trusted_type(false);
    unsigned refused = 0;
    for (unsigned true_answers = 0;; ++true_answers) {
        chip.interpose_after(true_answers);
        prompt.answer(std::string{vault_passphrase});
        const auto unlocked = load("vault");
        ASSERT_TRUE(unlocked);
        if (unlocked->method == UnlockMethod::tpm) {
            break;
        }
        EXPECT_EQ(reported.refusals.back().kind, RefusalKind::srk_changed) << true_answers;
        ++refused;
        reboot();
    }
    chip.end_interposing();
    EXPECT_GT(refused, 0U);
    EXPECT_EQ(chip.foreign_keys(), refused) << "each time before a session";
    keyring.set_trusted_type(true);
}

} // namespace

} // namespace sealmount::testing
