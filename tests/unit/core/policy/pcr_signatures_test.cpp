// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/policy/pcr_signatures.hpp"

#include "core/policy/pcr_policy.hpp"
#include "core/policy/policy_digest.hpp"
#include "sys/prompt/signing.hpp"
#include "sys/tpm/public_key.hpp"
#include "unit/vectors.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sealmount {

using test::message_of;
using test::text_of;
using test::unhex;
using testing::HasSubstr;

namespace {

constexpr PcrSelection pcr11 = {.bank = PcrBank::sha256, .mask = 1U << 11};
const std::string vector_directory = std::string{SEALMOUNT_TEST_VECTORS} + "/systemd-measure/";

std::string measured(const std::string& name) {
    return test::read_file(vector_directory + name);
}

Bytes their_key() {
    return public_key_from_pem(measured("public.pem"));
}

/// The policies of PCR 11 after each boot phase of one kernel.
std::vector<PolicyDigest> policies(const std::string& kernel, const PcrBank bank = PcrBank::sha256) {
    std::vector<PolicyDigest> all;
    const Json values = parse_json(measured(kernel + ".values.json"));
    for (const Json& phase : values.at(std::string{to_string(bank)})) {
        all.push_back(after_pcr(fresh_policy(), {.bank = bank, .mask = pcr11.mask},
                                {{11, unhex(text_of(phase, "hash"))}}));
    }
    return all;
}

class NobodyThere final : public Prompt {
  public:
    std::expected<SecretBytes, Refusal> ask(const std::string&, const std::string&, std::chrono::seconds,
                                            const Withdrawal*) override {
        return std::unexpected{Refusal{RefusalKind::no_prompt, {}}};
    }
};

AuthorizeStep signed_by_us(const std::string& key_file, const PolicyDigest& approved) {
    NobodyThere nobody;
    const SigningKey key{key_file, nobody};
    return {.public_key = key.public_key().value(), .approved = approved, .signature = key.sign(approved)};
}

SignatureLack lack_of(const PcrSignatures& signatures, const PcrSelection selection, const BytesView key,
                      const PolicyDigest& approved) {
    auto found = signatures.find(selection, key, approved);
    EXPECT_FALSE(found);
    return found ? SignatureLack{.kind = NoSignature::for_key, .states = 0, .problem = {"found"}}
                 : found.error();
}

} // namespace

TEST(PcrSignaturesTest, EveryPhaseThatSystemdSignedIsFound) {
    const PcrSignatures signatures{measured("kernel-1.signature.json")};
    ASSERT_EQ(policies("kernel-1").size(), 4U);
    for (const PolicyDigest& policy : policies("kernel-1")) {
        const auto step = signatures.find(pcr11, their_key(), policy);
        ASSERT_TRUE(step) << step.error().problem.message;
        EXPECT_EQ(step->approved, policy);
        EXPECT_EQ(step->public_key, their_key());
        EXPECT_EQ(step->signature.size(), 256U);
    }
}

TEST(PcrSignaturesTest, OurSignaturesAreThoseOfSystemd) {
    PcrSignatures ours;
    for (const PolicyDigest& policy : policies("kernel-1")) {
        EXPECT_TRUE(ours.add(pcr11, signed_by_us(vector_directory + "key.pem", policy)));
    }
    const Json theirs = parse_json(measured("kernel-1.signature.json"));
    EXPECT_EQ(ours.text(), Json({{"sha256", theirs.at("sha256")}}).dump() + "\n");
}

TEST(PcrSignaturesTest, TextComesBack) {
    const std::string text = measured("kernel-1.signature.json");
    EXPECT_EQ(PcrSignatures{text}.text(), text);
}

TEST(PcrSignaturesTest, TwoKernelsInOneFileAreBothFound) {
    PcrSignatures signatures{measured("kernel-1.signature.json")};
    const PcrSignatures second{measured("kernel-2.signature.json")};
    for (const PolicyDigest& policy : policies("kernel-2")) {
        EXPECT_TRUE(signatures.add(pcr11, second.find(pcr11, their_key(), policy).value()));
    }
    const PcrSignatures again{signatures.text()};
    for (const char* const kernel : {"kernel-1", "kernel-2"}) {
        for (const PolicyDigest& policy : policies(kernel)) {
            EXPECT_TRUE(again.find(pcr11, their_key(), policy)) << kernel;
        }
    }
    EXPECT_EQ(parse_json(again.text()).at("sha384"),
              parse_json(measured("kernel-1.signature.json")).at("sha384"));
}

TEST(PcrSignaturesTest, WhatIsThereIsNotAddedAgain) {
    const std::string text = measured("kernel-1.signature.json");
    PcrSignatures signatures{text};
    EXPECT_FALSE(
        signatures.add(pcr11, signed_by_us(vector_directory + "key.pem", policies("kernel-1").front())));
    EXPECT_EQ(signatures.text(), text);
}

TEST(PcrSignaturesTest, RandomSignatureIsNotAddedAgainEither) {
    const std::string key = std::string{SEALMOUNT_TEST_VECTORS} + "/ecc-key.pem";
    const PolicyDigest policy = policies("kernel-1").front();
    PcrSignatures signatures;
    EXPECT_TRUE(signatures.add(pcr11, signed_by_us(key, policy)));
    const std::string text = signatures.text();
    EXPECT_FALSE(signatures.add(pcr11, signed_by_us(key, policy)));
    EXPECT_EQ(signatures.text(), text);
    EXPECT_TRUE(signatures.find(pcr11, signed_by_us(key, policy).public_key, policy));
}

TEST(PcrSignaturesTest, LackNamesTheKey) {
    const PcrSignatures signatures{measured("kernel-1.signature.json")};
    const Bytes other = unhex(text_of(test::vectors("policy_steps.json", "keys").front(), "spki"));
    const auto lack = lack_of(signatures, pcr11, other, policies("kernel-1").front());
    EXPECT_EQ(lack.kind, NoSignature::for_key);
    EXPECT_EQ(lack.problem.message,
              "none of its 16 signatures is by the key with the fingerprint " + to_hex(fingerprint(other)));
}

TEST(PcrSignaturesTest, LackNamesThePcrs) {
    const PcrSignatures signatures{measured("kernel-1.signature.json")};
    const PcrSelection more{.bank = PcrBank::sha256, .mask = 1U << 11 | 1U << 7};
    const auto lack = lack_of(signatures, more, their_key(), policies("kernel-1").front());
    EXPECT_EQ(lack.kind, NoSignature::for_pcrs);
    EXPECT_THAT(lack.problem.message,
                HasSubstr("has signed PCR 11:sha1, 11:sha256, 11:sha384, 11:sha512, but not PCR "
                          "7+11:sha256"));
}

TEST(PcrSignaturesTest, LackCountsTheStates) {
    const PcrSignatures signatures{measured("kernel-1.signature.json")};
    const auto lack = lack_of(signatures, pcr11, their_key(), policies("kernel-2").front());
    EXPECT_EQ(lack.kind, NoSignature::for_state);
    EXPECT_EQ(lack.states, 4U);
    EXPECT_THAT(lack.problem.message,
                HasSubstr("has signed 4 states of PCR 11:sha256, but not the present one"));
}

TEST(PcrSignaturesTest, DamagedSignatureIsNamedAndReplaced) {
    Json damaged = parse_json(measured("kernel-1.signature.json"));
    damaged["sha256"][0]["sig"] = damaged["sha256"][1]["sig"];
    PcrSignatures signatures{damaged.dump()};
    const PolicyDigest policy = policies("kernel-1").front();
    const auto lack = lack_of(signatures, pcr11, their_key(), policy);
    EXPECT_EQ(lack.kind, NoSignature::is_valid);
    EXPECT_THAT(lack.problem.message, HasSubstr("does not verify"));
    EXPECT_TRUE(signatures.add(pcr11, signed_by_us(vector_directory + "key.pem", policy)));
    EXPECT_EQ(signatures.text(), measured("kernel-1.signature.json"));
}

TEST(PcrSignaturesTest, SystemdsSignatureForAnotherBankIsExplained) {
    const PcrSignatures signatures{measured("kernel-1.signature.json")};
    const PcrSelection sha384{.bank = PcrBank::sha384, .mask = pcr11.mask};
    const auto lack = lack_of(signatures, sha384, their_key(), policies("kernel-1", PcrBank::sha384).front());
    EXPECT_EQ(lack.kind, NoSignature::is_valid);
    EXPECT_THAT(lack.problem.message, HasSubstr("a TPM takes only those over SHA-256"));
    EXPECT_EQ(lack.problem.advice, Advice{AdviceKind::sign_over_sha256});
}

TEST(PcrSignaturesTest, OthersEntriesArePassedOverAndKept) {
    const std::string text =
        R"({"sm3_256":{"x":1},"note":"ours","sha1":[],"sha256":[{"pcrs":[11],"pol":"aa","new":[1]},{}]})"
        "\n";
    PcrSignatures signatures{text};
    EXPECT_EQ(signatures.text(), text);
    const PolicyDigest policy = policies("kernel-1").front();
    EXPECT_EQ(lack_of(signatures, pcr11, their_key(), policy).kind, NoSignature::for_key);
    EXPECT_TRUE(signatures.add(pcr11, signed_by_us(vector_directory + "key.pem", policy)));
    EXPECT_TRUE(signatures.find(pcr11, their_key(), policy));
    EXPECT_THAT(signatures.text(), HasSubstr(R"("sha256":[{"pcrs":[11],"pol":"aa","new":[1]},{},{"pcrs")"));
}

struct BadSignatures {
    const char* name;
    const char* text;
    const char* message;
};

class BadSignaturesTest : public testing::TestWithParam<BadSignatures> {};

TEST_P(BadSignaturesTest, PlaceIsNamed) {
    EXPECT_THAT(message_of([] { static_cast<void>(PcrSignatures{GetParam().text}); }),
                HasSubstr(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    Table, BadSignaturesTest,
    testing::Values(BadSignatures{"empty", "", "1:1: not JSON"},
                    BadSignatures{"list", "[]",
                                  "the document: must be an object with a list for each PCR bank"},
                    BadSignatures{"bank", R"({"sha1":3})", "sha1: must be an array of signatures"},
                    BadSignatures{"entry", R"({"sha256":[{},7]})", "sha256[1]: must be an object"},
                    BadSignatures{"pcrs", R"({"sha256":[{"pcrs":11,"pkfp":"","pol":"","sig":""}]})",
                                  "sha256[0].pcrs: must be an array"},
                    BadSignatures{"pcr", R"({"sha256":[{"pcrs":[24],"pkfp":"","pol":"","sig":""}]})",
                                  "sha256[0].pcrs: must hold PCR numbers from 0 to 23"},
                    BadSignatures{"pkfp", R"({"sha256":[{"pcrs":[1],"pkfp":"x","pol":"","sig":""}]})",
                                  "sha256[0].pkfp: is not hex"},
                    BadSignatures{"pol", R"({"sha256":[{"pcrs":[1],"pkfp":"","pol":5,"sig":""}]})",
                                  "sha256[0].pol: must be a string"},
                    BadSignatures{"sig", R"({"sha256":[{"pcrs":[1],"pkfp":"","pol":"","sig":"?"}]})",
                                  "sha256[0].sig: is not base64"}),
    [](const auto& entry) { return entry.param.name; });

} // namespace sealmount
