// What a Tpm promises, held against the fake and against ESYS on swtpm.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "base/error.hpp"
#include "base/hex.hpp"
#include "contract/tpm_under_test.hpp"
#include "core/master/tpm_key.hpp"
#include "core/policy/pcr_policy.hpp"
#include "sys/crypto/crypto.hpp"
#include "sys/tpm/esys_connection.hpp"
#include "sys/tpm/object_demands.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <ostream>

namespace sealmount::testing {

namespace {

struct SubjectMaker {
    const char* name;
    std::function<std::unique_ptr<TpmUnderTest>()> make;
};

/// For test names.
void PrintTo(const SubjectMaker& maker, std::ostream* const stream) {
    *stream << maker.name;
}

constexpr PcrSelection pcr7 = {.bank = PcrBank::sha256, .mask = 1U << 7};
constexpr PcrSelection first_eight = {.bank = PcrBank::sha256, .mask = 0xff};
constexpr PcrSelection all_pcrs = {.bank = PcrBank::sha256, .mask = 0xffffff};

class TpmContract : public ::testing::TestWithParam<SubjectMaker> {
  protected:
    void SetUp() override { subject_ = GetParam().make(); }

    void TearDown() override {
        tpm_.reset();
        if (!subject_) { // the setup has failed already
            return;
        }
        EXPECT_EQ(subject_->sessions(), 0U);
        EXPECT_EQ(subject_->transients(), 0U);
        EXPECT_EQ(subject_->failed_tries(), 0U);
        EXPECT_EQ(SecretBytes::alive(), 0U);
    }

    Tpm& tpm() {
        if (!tpm_) {
            tpm_ = subject_->opener().open(TpmAccess::raw).value();
        }
        return *tpm_;
    }

    /// As it is now; as it was last, where there is none.
    const TpmName& srk() {
        if (const auto name = tpm().srk_name()) {
            srk_ = *name;
        }
        return srk_;
    }

    PolicyDigest present_policy(const PcrSelection selection = pcr7) {
        return policy_digest({.bank = selection.bank, .values = tpm().read_pcrs(selection).values});
    }

    SealedObject sealed(const PcrSelection selection = pcr7) {
        return tpm().seal(srk(), SecretBytes{as_bytes(secret)}, present_policy(selection)).value();
    }

    RefusalKind refusal_to_unseal(const SealedObject& object, const PcrSelection selection = pcr7) {
        const auto result = tpm().unseal(srk(), object, {PcrStep{selection}});
        EXPECT_FALSE(result);
        return result ? RefusalKind::no_prompt : result.error().kind;
    }

    /// Commands that `work` sends.
    std::size_t commands_of(const std::function<void()>& work) {
        const auto before = subject_->commands();
        work();
        return subject_->commands() - before;
    }

    TpmName srk_;
    static constexpr std::string_view secret = "0123456789abcdef0123456789abcdef";
    std::unique_ptr<TpmUnderTest> subject_;
    std::unique_ptr<Tpm> tpm_;
};

TEST_P(TpmContract, OpeningSendsNothing) {
    EXPECT_EQ(commands_of([this] { tpm(); }), 0U);
}

TEST_P(TpmContract, EightPcrsAreOneCommand) {
    PcrReading reading;
    tpm();
    EXPECT_EQ(commands_of([&] { reading = tpm().read_pcrs(first_eight); }), 1U);
    EXPECT_EQ(reading.values.size(), 8U);
    EXPECT_EQ(reading.values.at(7), Wire(32));
}

TEST_P(TpmContract, AllPcrsAreThreeCommands) {
    PcrReading reading;
    tpm();
    EXPECT_EQ(commands_of([&] { reading = tpm().read_pcrs(all_pcrs); }), 3U);
    EXPECT_EQ(reading.values.size(), pcr_count);
    EXPECT_EQ(reading.values.at(17), Wire(32, std::byte{0xff}));
}

TEST_P(TpmContract, NoPcrsAreNoCommand) {
    tpm();
    EXPECT_EQ(commands_of(
                  [&] { EXPECT_TRUE(tpm().read_pcrs({.bank = PcrBank::sha256, .mask = 0}).values.empty()); }),
              0U);
}

TEST_P(TpmContract, ExtendedPcrShowsInValueAndCounter) {
    const auto before = tpm().read_pcrs(first_eight);
    subject_->extend(7);
    const auto after = tpm().read_pcrs(first_eight);
    const auto expected = sha256({Wire(32), sha256({as_bytes("data")})});
    EXPECT_TRUE(std::ranges::equal(after.values.at(7), expected));
    EXPECT_EQ(after.values.at(6), before.values.at(6));
    EXPECT_GT(after.update_counter, before.update_counter);
}

TEST_P(TpmContract, DebugPcrLeavesTheCounterAlone) {
    const auto before = tpm().read_pcrs(pcr7);
    subject_->extend(16);
    EXPECT_EQ(tpm().read_pcrs(pcr7).update_counter, before.update_counter);
}

TEST_P(TpmContract, BankThatTheTpmLacksIsAnError) {
    constexpr auto sha3_256 = static_cast<PcrBank>(0x0027);
    EXPECT_TRUE(tpm().read_pcrs({.bank = sha3_256, .mask = 1}).values.empty());
}

TEST_P(TpmContract, PolicyDigestIsTheTpmsOwn) {
    subject_->extend(7);
    subject_->extend(11);
    for (const PcrMask mask : {1U << 7, 1U << 7 | 1U << 11, 0xffU, 0x800081U}) {
        const PcrSelection selection = {.bank = PcrBank::sha256, .mask = mask};
        EXPECT_TRUE(std::ranges::equal(present_policy(selection), subject_->trial_digest(selection))) << mask;
    }
}

TEST_P(TpmContract, NewTpmHasNoSrk) {
    const auto name = tpm().srk_name();
    ASSERT_FALSE(name);
    EXPECT_EQ(name.error().kind, RefusalKind::srk_missing);
    const auto object = tpm().seal(srk(), SecretBytes{as_bytes(secret)}, present_policy());
    ASSERT_FALSE(object);
    EXPECT_EQ(object.error().kind, RefusalKind::srk_missing);
}

TEST_P(TpmContract, MadeSrkKeepsItsName) {
    const auto name = tpm().make_srk();
    EXPECT_EQ(name.size(), 34U);
    EXPECT_EQ(tpm().srk_name().value(), name);
    tpm_.reset();
    EXPECT_EQ(tpm().srk_name().value(), name);
}

TEST_P(TpmContract, SecondSrkIsAnError) {
    const auto name = tpm().make_srk();
    EXPECT_THROW(static_cast<void>(tpm().make_srk()), Error);
    EXPECT_EQ(tpm().srk_name().value(), name);
}

TEST_P(TpmContract, ClearedTpmHasAnotherSrk) {
    const auto before = tpm().make_srk();
    subject_->clear();
    EXPECT_FALSE(tpm().srk_name());
    EXPECT_NE(tpm().make_srk(), before);
}

TEST_P(TpmContract, EvictedSrkIsMadeAgainForOneConnectionAndStaysAway) {
    const auto name = tpm().make_srk();
    const auto object = sealed();
    subject_->evict_srk();
    EXPECT_EQ(refusal_to_unseal(object), RefusalKind::srk_missing);
    ASSERT_TRUE(tpm().use_primary(name));
    EXPECT_EQ(tpm().srk_name().value(), name);
    const auto opened = tpm().unseal(srk(), object, {PcrStep{pcr7}});
    ASSERT_TRUE(opened) << opened.error().detail;
    EXPECT_TRUE(opened->equals(as_bytes(secret)));
    EXPECT_TRUE(tpm().unseal(srk(), sealed(), {PcrStep{pcr7}}));
    tpm_.reset();
    EXPECT_FALSE(tpm().srk_name());
    EXPECT_EQ(tpm().make_srk(), name);
    EXPECT_TRUE(tpm().unseal(srk(), object, {PcrStep{pcr7}}));
}

TEST_P(TpmContract, PrimaryOfAClearedTpmIsNotTheOldOne) {
    const auto name = tpm().make_srk();
    subject_->clear();
    EXPECT_FALSE(tpm().use_primary(name));
    EXPECT_EQ(tpm().srk_name().error().kind, RefusalKind::srk_missing);
}

TEST_P(TpmContract, OwnerPasswordLeavesAnEvictedSrkAway) {
    const auto name = tpm().make_srk();
    subject_->evict_srk();
    subject_->set_owner_password();
    EXPECT_FALSE(tpm().use_primary(name));
}

TEST_P(TpmContract, DisabledStorageHidesTheSrk) {
    const auto name = tpm().make_srk();
    EXPECT_TRUE(tpm().has_storage());
    subject_->disable_storage();
    EXPECT_FALSE(tpm().has_storage());
    EXPECT_EQ(tpm().srk_name().error().kind, RefusalKind::srk_missing);
    EXPECT_FALSE(tpm().use_primary(name));
    EXPECT_THROW(static_cast<void>(tpm().make_srk()), Error);
}

TEST_P(TpmContract, SrkWithAnAuthorizationValueIsLocked) {
    const auto name = tpm().make_srk();
    const auto object = sealed();
    subject_->lock_srk();
    EXPECT_EQ(tpm().srk_name().value(), name);
    EXPECT_EQ(refusal_to_unseal(object), RefusalKind::srk_locked);
    const auto another = tpm().seal(srk(), SecretBytes{as_bytes(secret)}, present_policy());
    ASSERT_FALSE(another);
    EXPECT_EQ(another.error().kind, RefusalKind::srk_locked);
}

TEST_P(TpmContract, OwnerPasswordRefusesTheSrk) {
    subject_->set_owner_password();
    try {
        static_cast<void>(tpm().make_srk());
        ADD_FAILURE() << "made";
    } catch (const Error& error) {
        EXPECT_EQ(error.reason(), Reason::refused);
    }
}

TEST_P(TpmContract, SealedSecretComesBack) {
    static_cast<void>(tpm().make_srk());
    const auto object = sealed();
    const auto opened = tpm().unseal(srk(), object, {PcrStep{pcr7}});
    ASSERT_TRUE(opened) << opened.error().detail;
    EXPECT_TRUE(opened->equals(as_bytes(secret)));
    EXPECT_FALSE(subject_->crossed_wire(secret));
}

TEST_P(TpmContract, SealedObjectDemandsItsPolicyAndNoPassword) {
    static_cast<void>(tpm().make_srk());
    const auto object = sealed();
    EXPECT_EQ(object.parent, srk_handle);
    EXPECT_EQ(to_hex(std::span{object.public_area}.subspan(2, 8)), "0008000b00000492");
    EXPECT_TRUE(std::ranges::equal(std::span{object.public_area}.subspan(12, 32), present_policy()));
    EXPECT_EQ(read_tpm_key(write_tpm_key(object)), object);
}

TEST_P(TpmContract, NothingIsSentUnderAnotherKeyThanTheExpectedOne) {
    static_cast<void>(tpm().make_srk());
    const auto object = sealed();
    const SecretBytes pin{as_bytes("1234")};
    const SecretBytes data{as_bytes(secret)};
    TpmName another = srk();
    another.back() ^= std::byte{1};
    const auto policy = present_policy();
    std::vector<RefusalKind> refusals;
    const auto refused = [&](const auto& result) {
        EXPECT_FALSE(result);
        refusals.push_back(result ? RefusalKind::no_prompt : result.error().kind);
    };
    // A look at the key, and no session.
    EXPECT_EQ(commands_of([&] { refused(tpm().seal(another, data, policy)); }), 1U);
    EXPECT_EQ(commands_of([&] { refused(tpm().seal(another, data, policy, &pin)); }), 1U);
    EXPECT_EQ(commands_of([&] { refused(tpm().unseal(another, object, {PcrStep{pcr7}})); }), 1U);
    EXPECT_EQ(commands_of([&] { refused(tpm().unseal(another, object, {PcrStep{pcr7}}, &pin)); }), 1U);
    EXPECT_EQ(refusals, std::vector(4, RefusalKind::srk_changed));
    EXPECT_EQ(tpm().usable_srk_name().value(), srk());
}

TEST_P(TpmContract, APinnedParentOfTheKernelsObjectsIsComparedToo) {
    const TpmName name = tpm().make_srk();
    const SealedObject object = subject_->kernel_seal(secret);
    EXPECT_TRUE(tpm().unseal_without_policy(object, &name));
    TpmName another = name;
    another.back() ^= std::byte{1};
    const auto refused = tpm().unseal_without_policy(object, &another);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, RefusalKind::srk_changed);
}

TEST_P(TpmContract, AnObjectSaysWhatItDemands) {
    static_cast<void>(tpm().make_srk());
    const SecretBytes pin{as_bytes("1234")};
    const auto policy = present_policy();
    for (const SecretBytes* const its : {static_cast<const SecretBytes*>(nullptr), &pin}) {
        SealedObject object = tpm().seal(srk(), SecretBytes{as_bytes(secret)}, policy, its).value();
        const auto demands = demands_of(object);
        ASSERT_TRUE(demands);
        EXPECT_EQ(demands->policy, policy);
        EXPECT_TRUE(demands->only_by_policy());
        EXPECT_TRUE(demands->hides_pin());
        object.public_area.pop_back();
        EXPECT_FALSE(demands_of(object));
    }
}

TEST_P(TpmContract, WhatTheKernelSealedWithoutPolicyComesBack) {
    static_cast<void>(tpm().make_srk());
    SealedObject object = subject_->kernel_seal(secret);
    const auto opened = tpm().unseal_without_policy(object);
    ASSERT_TRUE(opened) << opened.error().detail;
    EXPECT_TRUE(opened->equals(as_bytes(secret)));
    const auto ours = tpm().unseal_without_policy(sealed());
    ASSERT_FALSE(ours);
    EXPECT_EQ(ours.error().kind, RefusalKind::policy_mismatch);
    object.parent = 0x81000005;
    const auto orphan = tpm().unseal_without_policy(object);
    ASSERT_FALSE(orphan);
    EXPECT_EQ(orphan.error().kind, RefusalKind::srk_missing);
}

TEST_P(TpmContract, OtherPcrsDoNotOpen) {
    static_cast<void>(tpm().make_srk());
    const auto object = sealed();
    EXPECT_EQ(refusal_to_unseal(object, first_eight), RefusalKind::policy_mismatch);
    subject_->extend(7);
    EXPECT_EQ(refusal_to_unseal(object), RefusalKind::policy_mismatch);
}

TEST_P(TpmContract, RefusedPolicySpendsNoLockoutBudget) {
    static_cast<void>(tpm().make_srk());
    const auto object = sealed();
    for (int i = 0; i < 10; ++i) {
        EXPECT_EQ(refusal_to_unseal(object, first_eight), RefusalKind::policy_mismatch);
    }
    EXPECT_EQ(tpm().lockout().failed_tries, 0U);
    EXPECT_GT(tpm().lockout().allowed_tries, 0U);
    EXPECT_GT(tpm().lockout().recovery_seconds, 0U);
    EXPECT_TRUE(tpm().unseal(srk(), object, {PcrStep{pcr7}}));
}

TEST_P(TpmContract, PcrThatChangesDuringASessionSpoilsIt) {
    static_cast<void>(tpm().make_srk());
    const auto object = sealed();
    subject_->disturb_sessions(1);
    EXPECT_EQ(refusal_to_unseal(object), RefusalKind::pcr_changed);
    EXPECT_TRUE(tpm().unseal(srk(), object, {PcrStep{pcr7}}));
}

TEST_P(TpmContract, DamagedObjectIsRejected) {
    static_cast<void>(tpm().make_srk());
    const auto object = sealed();
    auto damaged = object;
    damaged.private_area.back() ^= std::byte{1};
    EXPECT_EQ(refusal_to_unseal(damaged), RefusalKind::object_rejected);
    damaged = object;
    damaged.public_area.back() ^= std::byte{1};
    EXPECT_EQ(refusal_to_unseal(damaged), RefusalKind::object_rejected);
    damaged = object;
    damaged.public_area[20] ^= std::byte{1}; // in the policy
    EXPECT_EQ(refusal_to_unseal(damaged), RefusalKind::object_rejected);
    damaged = object;
    damaged.private_area.push_back(std::byte{0});
    EXPECT_EQ(refusal_to_unseal(damaged), RefusalKind::object_rejected);
    damaged.private_area.clear();
    EXPECT_EQ(refusal_to_unseal(damaged), RefusalKind::object_rejected);
    EXPECT_TRUE(tpm().unseal(srk(), object, {PcrStep{pcr7}}));
}

TEST_P(TpmContract, ClearedTpmRejectsOldObjects) {
    static_cast<void>(tpm().make_srk());
    const auto object = sealed();
    subject_->clear();
    EXPECT_EQ(refusal_to_unseal(object), RefusalKind::srk_missing);
    static_cast<void>(tpm().make_srk());
    EXPECT_EQ(refusal_to_unseal(object), RefusalKind::object_rejected);
}

TEST_P(TpmContract, PolicySessionIsTwoCommandsAndOpensForTheKernel) {
    static_cast<void>(tpm().make_srk());
    const auto object = sealed();
    std::unique_ptr<PolicySession> session;
    EXPECT_EQ(commands_of([&] { session = tpm().start_policy_session({PcrStep{pcr7}}).value(); }), 2U);
    EXPECT_EQ(session->handle() >> 24, 3U);
    EXPECT_EQ(subject_->sessions(), 1U);
    const auto opened = subject_->kernel_unseal(object, session->handle());
    ASSERT_TRUE(opened);
    EXPECT_TRUE(std::ranges::equal(*opened, as_bytes(secret)));
    // The unseal has flushed it; the owner's own flush is not an error then.
    EXPECT_EQ(subject_->sessions(), 0U);
    session.reset();
    EXPECT_TRUE(tpm().unseal(srk(), object, {PcrStep{pcr7}}));
}

TEST_P(TpmContract, UnusedPolicySessionIsFlushed) {
    {
        const auto one = tpm().start_policy_session({PcrStep{pcr7}}).value();
        const auto two = tpm().start_policy_session({PcrStep{first_eight}}).value();
        EXPECT_NE(one->handle(), two->handle());
        EXPECT_EQ(subject_->sessions(), 2U);
    }
    EXPECT_EQ(subject_->sessions(), 0U);
}

TEST_P(TpmContract, PolicySessionOverOtherPcrsDoesNotOpenForTheKernel) {
    static_cast<void>(tpm().make_srk());
    const auto object = sealed();
    const auto session = tpm().start_policy_session({PcrStep{first_eight}}).value();
    EXPECT_FALSE(subject_->kernel_unseal(object, session->handle()));
}

TEST_P(TpmContract, ObjectsOfOthersAreCountedAndDropped) {
    subject_->leave_objects(2);
    EXPECT_EQ(tpm().room().objects, 2U);
    EXPECT_EQ(tpm().drop_leftovers(), 2U);
    EXPECT_EQ(tpm().room().objects, 0U);
    EXPECT_EQ(subject_->transients(), 0U);
    EXPECT_EQ(tpm().drop_leftovers(), 0U);
}

TEST_P(TpmContract, AFullTpmIsTold) {
    static_cast<void>(tpm().make_srk());
    const auto object = sealed();
    subject_->leave_objects(3);
    EXPECT_EQ(refusal_to_unseal(object), RefusalKind::tpm_full);
    EXPECT_EQ(tpm().drop_leftovers(), 3U);
    EXPECT_TRUE(tpm().unseal(srk(), object, {PcrStep{pcr7}}));
}

TEST_P(TpmContract, SealedObjectOpensDuringALockout) {
    static_cast<void>(tpm().make_srk());
    const auto object = sealed();
    EXPECT_FALSE(tpm().lockout().locked);
    subject_->lock_out();
    EXPECT_TRUE(tpm().lockout().locked);
    EXPECT_TRUE(tpm().unseal(srk(), object, {PcrStep{pcr7}}))
        << "it is not subject to dictionary-attack protection";
    subject_->end_lockout();
}

TEST_P(TpmContract, DisturbedPolicySessionDoesNotOpenForTheKernel) {
    static_cast<void>(tpm().make_srk());
    const auto object = sealed();
    subject_->disturb_sessions(1);
    const auto session = tpm().start_policy_session({PcrStep{pcr7}}).value();
    EXPECT_FALSE(subject_->kernel_unseal(object, session->handle()));
}

std::string name_of(const ::testing::TestParamInfo<SubjectMaker>& info) {
    return info.param.name;
}

const auto subjects =
    ::testing::Values(SubjectMaker{"fake", fake_tpm_subject}, SubjectMaker{"swtpm", swtpm_subject},
                      SubjectMaker{"swtpm_like_a_device", device_subject});

INSTANTIATE_TEST_SUITE_P(Subjects, TpmContract, subjects, name_of);

TEST(TpmOpenerContract, MachineWithoutTpmHasNoTpm) {
    if (std::filesystem::exists("/dev/tpm0")) {
        GTEST_SKIP() << "this machine has a TPM";
    }
    const auto tpm = machine_tpm()->open(TpmAccess::raw);
    ASSERT_FALSE(tpm);
    EXPECT_EQ(tpm.error().kind, RefusalKind::no_tpm);
}

TEST(TpmOpenerContract, NobodyAtTheTctiIsNoTpm) {
    const auto tpm = tpm_at("swtpm:path=/nonexistent/socket")->open(TpmAccess::raw);
    ASSERT_FALSE(tpm);
    EXPECT_EQ(tpm.error().kind, RefusalKind::no_tpm);
}

} // namespace

} // namespace sealmount::testing
