// Every kind of policy step on swtpm: what is sealed to the digest that core/policy/policy_digest.hpp
// computes opens through a session that follow() has led, and only in the right state.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "base/error.hpp"
#include "contract/policy_fixture.hpp"

namespace sealmount::testing {

namespace {

CounterStep resets(const std::uint8_t most) {
    return {.offset = reset_count_offset,
            .operand = {std::byte{0}, std::byte{0}, std::byte{0}, std::byte{most}},
            .comparison = Comparison::unsigned_less_or_equal};
}

} // namespace

TEST_F(PolicyContract, NoStepsDoNotOpen) {
    const auto opened = unseal(sealed(present(pcr7)), {});
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().kind, RefusalKind::policy_mismatch);
}

TEST_F(PolicyContract, PcrStepsAddUp) {
    expect_opens(present(pcr11_sha384, present(pcr7)), {PcrStep{pcr7}, PcrStep{pcr11_sha384}});
}

TEST_F(PolicyContract, PcrThatChangedMeanwhileIsNamedAsSuch) {
    swtpm_.disturb_sessions(1);
    EXPECT_EQ(refusal_of_steps({PcrStep{pcr7}, PcrStep{pcr11_sha384}}).kind, RefusalKind::pcr_changed);
}

TEST_F(PolicyContract, OrStepOpensInEachOfItsStates) {
    const auto before = present(pcr7);
    swtpm_.extend(7, "update");
    const std::vector branches = {before, present(pcr7)};
    expect_opens(after_or(branches), {PcrStep{pcr7}, OrStep{branches}});
    swtpm_.extend(7, "another");
    expect_mismatch({PcrStep{pcr7}, OrStep{branches}}, "none of the 2 that the policy allows");
}

TEST_F(PolicyContract, MoreBranchesThanATpmTakesAreAnError) {
    EXPECT_THROW(static_cast<void>(refusal_of_steps({OrStep{std::vector<PolicyDigest>(9)}})), Error);
}

TEST_F(PolicyContract, AuthorizeStepOpensWithBothKindsOfKeys) {
    for (const Signer& signer : {rsa_signer(), ecc_signer()}) {
        expect_opens(after_authorize(key_name(signer.public_key)),
                     {PcrStep{pcr7}, signer.step(present(pcr7))});
    }
}

TEST_F(PolicyContract, StepsGoOnBehindAnAuthorizeStep) {
    const auto signer = ecc_signer();
    const auto policy = present(pcr7, after_authorize(key_name(signer.public_key)));
    expect_opens(policy, {PcrStep{pcr11_sha384}, signer.step(present(pcr11_sha384)), PcrStep{pcr7}});
}

TEST_F(PolicyContract, SignatureForAnotherStateIsNamedAsSuch) {
    for (const Signer& signer : {rsa_signer(), ecc_signer()}) {
        expect_mismatch({PcrStep{pcr7}, signer.step(present(pcr11_sha384))},
                        "the signed policy is not that of the present state");
    }
}

TEST_F(PolicyContract, DamagedSignatureDoesNotVerify) {
    for (const Signer& signer : {rsa_signer(), ecc_signer()}) {
        auto step = signer.step(present(pcr7));
        step.signature.back() ^= std::byte{1};
        expect_mismatch({PcrStep{pcr7}, step}, "the signature of the policy does not verify");
        step.signature.pop_back();
        expect_mismatch({PcrStep{pcr7}, step}, "the signature of the policy does not verify");
        step.signature.clear();
        expect_mismatch({PcrStep{pcr7}, step}, "the signature of the policy does not verify");
    }
}

TEST_F(PolicyContract, SignatureByAnotherKeyDoesNotVerify) {
    auto step = rsa_signer().step(present(pcr7));
    step.public_key = rsa_signer().public_key;
    expect_mismatch({PcrStep{pcr7}, step}, "the signature of the policy does not verify");
    step.public_key = ecc_signer().public_key;
    expect_mismatch({PcrStep{pcr7}, step}, "the signature of the policy does not verify");
}

TEST_F(PolicyContract, AnotherKeysPolicyDoesNotOpen) {
    const auto object = sealed(after_authorize(key_name(ecc_signer().public_key)));
    const auto opened = unseal(object, {PcrStep{pcr7}, ecc_signer().step(present(pcr7))});
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().kind, RefusalKind::policy_mismatch);
}

TEST_F(PolicyContract, FullTpmIsARefusal) {
    swtpm_.leave_objects(3);
    EXPECT_EQ(refusal_of_steps({PcrStep{pcr7}, ecc_signer().step(present(pcr7))}).kind,
              RefusalKind::tpm_full);
    EXPECT_EQ(tpm_->drop_leftovers(), 3U);
}

TEST_F(PolicyContract, AuthorizeNvStepOpensWhatTheIndexHolds) {
    define_index();
    write_index(present(pcr7));
    const auto name = nv_name(context_, index_number).value();
    expect_opens(after_authorize_nv(name), {PcrStep{pcr7}, AuthorizeNvStep{index_number}});
    const auto object = sealed(after_authorize_nv(name));
    swtpm_.extend(7, "update");
    expect_mismatch({PcrStep{pcr7}, AuthorizeNvStep{index_number}},
                    "the NV index 0x1800042 holds another policy");
    write_index(present(pcr7)); // the new state, without a touch of the object
    EXPECT_TRUE(unseal(object, {PcrStep{pcr7}, AuthorizeNvStep{index_number}}));
}

TEST_F(PolicyContract, MissingIndexIsARefusal) {
    expect_mismatch({AuthorizeNvStep{index_number}}, "the NV index 0x1800042 does not exist");
    EXPECT_EQ(nv_name(context_, index_number).error().kind, RefusalKind::policy_mismatch);
    EXPECT_FALSE(nv_name(context_, 5));
}

TEST_F(PolicyContract, UnwrittenIndexIsARefusal) {
    define_index();
    expect_mismatch({AuthorizeNvStep{index_number}}, "was never written");
}

TEST_F(PolicyContract, IndexWithSomethingElseIsARefusal) {
    define_index(8);
    write_index(Bytes(8, std::byte{0xee}));
    expect_mismatch({AuthorizeNvStep{index_number}}, "does not hold a policy");
}

TEST_F(PolicyContract, OwnerPasswordIsARefusal) {
    define_index();
    write_index(present(pcr7));
    swtpm_.set_owner_password("owner");
    expect_mismatch({PcrStep{pcr7}, AuthorizeNvStep{index_number}}, "owner hierarchy has a password");
}

TEST_F(PolicyContract, CounterStepOpensWithinItsLimit) {
    const CounterStep step = resets(200);
    expect_opens(after_counter(present(pcr7), step), {PcrStep{pcr7}, step});
}

TEST_F(PolicyContract, LapsedCounterIsNamed) {
    CounterStep step = resets(0); // swtpm's start was one
    step.comparison = Comparison::unsigned_less;
    expect_mismatch({step}, "restarted more often than the policy allows");
    const CounterStep at_once{
        .offset = time_offset, .operand = Bytes(8), .comparison = Comparison::unsigned_less};
    expect_mismatch({at_once}, "on for longer than the policy allows");
    CounterStep resumed{.offset = restart_count_offset,
                        .operand = {std::byte{0}, std::byte{0}, std::byte{0}, std::byte{9}},
                        .comparison = Comparison::equal};
    expect_mismatch({resumed}, "resumed more often than the policy allows");
}

TEST_F(PolicyContract, PasswordStepWantsThePassword) {
    const auto policy = after_password(present(pcr7));
    expect_opens(policy, {PcrStep{pcr7}, PasswordStep{}});
    EXPECT_FALSE(unseal(sealed(policy), {PcrStep{pcr7}, PasswordStep{}}, false, "wrong"));
}

TEST_F(PolicyContract, APinCannotBeTriedPastThePolicy) {
    const auto policy = after_password(present(pcr7));
    const SecretBytes pin{as_bytes("1234")};
    const auto object = tpm_->seal(srk_, SecretBytes{as_bytes(secret)}, policy, &pin).value();
    const auto old_one = sealed_by_old_release(policy, "1234");
    swtpm_.extend(7, "a live stick");
    EXPECT_EQ(tries_pin(old_one, "1234"), true) << "or this would show nothing";
    EXPECT_EQ(tries_pin(old_one, "4321"), false);
    EXPECT_EQ(tries_pin(object, "1234"), std::nullopt);
    EXPECT_EQ(tries_pin(object, "4321"), std::nullopt);
    EXPECT_FALSE(demands_of(old_one)->hides_pin());
}

TEST_F(PolicyContract, AHiddenPinStillOpens) {
    const SecretBytes pin{as_bytes("1234")};
    const auto object =
        tpm_->seal(srk_, SecretBytes{as_bytes(secret)}, after_password(present(pcr7)), &pin).value();
    const auto opened = tpm_->unseal(srk_, object, {PcrStep{pcr7}, PasswordStep{}}, &pin);
    ASSERT_TRUE(opened) << opened.error().detail;
    EXPECT_TRUE(opened->equals(as_bytes(secret)));
    EXPECT_TRUE(unseal(object, {PcrStep{pcr7}, PasswordStep{}}, false, "1234")) << "as the kernel gives it";
}

TEST_F(PolicyContract, KeysThatNoTpmTakesAreErrors) {
    for (const Signer& signer : {rsa_signer(1024), Signer{EVP_EC_gen("P-384")},
                                 Signer{EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")}}) {
        EXPECT_THROW(static_cast<void>(key_name(signer.public_key)), Error);
    }
}

} // namespace sealmount::testing
