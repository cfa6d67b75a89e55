// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/policy/pcr_policy.hpp"

#include "base/strict_json.hpp"
#include "unit/vectors.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace sealmount {

using test::text_of;
using test::unhex;

namespace {

PcrPolicy policy_of(const Json& vector) {
    PcrPolicy policy{.bank = parse_pcr_selection(text_of(vector, "selection")).bank, .values = {}};
    for (const auto& [pcr, value] : vector.at("values").items()) {
        policy.values.emplace(static_cast<unsigned>(std::stoul(pcr)), unhex(value.get<std::string>()));
    }
    return policy;
}

const std::string some_value(64, 'a');

} // namespace

TEST(PcrPolicyTest, DigestIsThatOfTheTpm) {
    for (const Json& vector : test::vectors("policy.json", "pcr")) {
        const PcrPolicy policy = policy_of(vector);
        EXPECT_EQ(to_string(policy.selection()), text_of(vector, "selection"));
        EXPECT_EQ(to_hex(policy_digest(policy)), text_of(vector, "digest")) << text_of(vector, "selection");
    }
}

TEST(PcrPolicyTest, JsonHasItsForm) {
    const PcrPolicy policy{.bank = PcrBank::sha256,
                           .values = {{11, unhex(some_value)}, {7, unhex(some_value)}}};
    EXPECT_EQ(to_json(policy).dump(),
              R"({"bank":"sha256","values":{"7":")" + some_value + R"(","11":")" + some_value + R"("}})");
}

TEST(PcrPolicyTest, SatisfiedPolicyHasNoMismatch) {
    const PcrPolicy policy{.bank = PcrBank::sha256, .values = {{7, unhex(some_value)}}};
    EXPECT_TRUE(compare(policy, {{7, unhex(some_value)}, {8, {}}}).empty());
}

TEST(PcrPolicyTest, MismatchesAreNamedInOrder) {
    const PcrPolicy policy{.bank = PcrBank::sha1,
                           .values = {{11, {std::byte{1}}}, {4, {std::byte{2}}}, {7, {std::byte{3}}}}};
    const auto mismatches = compare(policy, {{4, {std::byte{2}}}, {7, {std::byte{9}}}});
    ASSERT_EQ(mismatches.size(), 2U);
    EXPECT_EQ(mismatches[0].pcr, 7U);
    EXPECT_EQ(mismatches[0].expected, "03");
    EXPECT_EQ(mismatches[0].found, "09");
    EXPECT_EQ(mismatches[1].pcr, 11U);
    EXPECT_EQ(mismatches[1].found, "");
}

TEST(PcrSelectionTest, NotationComesBack) {
    for (const char* const text : {"7:sha256", "0+23:sha1", "7+11:sha384", "4+7:sha512"}) {
        EXPECT_EQ(to_string(parse_pcr_selection(text)), text);
    }
    EXPECT_EQ(to_string(parse_pcr_selection("11+7")), "7+11:sha256");
}

struct SelectionCase {
    const char* name;
    const char* text;
    const char* message;
};

class PcrSelectionRefusalTest : public testing::TestWithParam<SelectionCase> {};

TEST_P(PcrSelectionRefusalTest, SaysWhatIsWrong) {
    const Error error = test::error_of([] { static_cast<void>(parse_pcr_selection(GetParam().text)); });
    EXPECT_EQ(error.reason(), Reason::usage);
    EXPECT_STREQ(error.what(), GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    Table, PcrSelectionRefusalTest,
    testing::Values(
        SelectionCase{
            "empty", "",
            R"(PCR selection "": write PCR numbers from 0 to 23, or systemd's names, joined by +, such as 7+11 or 4+secure-boot-policy)"},
        SelectionCase{
            "beyond", "24",
            R"(PCR selection "24": write PCR numbers from 0 to 23, or systemd's names, joined by +, such as 7+11 or 4+secure-boot-policy)"},
        SelectionCase{
            "padded", "07",
            R"(PCR selection "07": write PCR numbers from 0 to 23, or systemd's names, joined by +, such as 7+11 or 4+secure-boot-policy)"},
        SelectionCase{
            "comma", "7,8",
            R"(PCR selection "7,8": write PCR numbers from 0 to 23, or systemd's names, joined by +, such as 7+11 or 4+secure-boot-policy)"},
        SelectionCase{
            "plus_at_end", "7+",
            R"(PCR selection "7+": write PCR numbers from 0 to 23, or systemd's names, joined by +, such as 7+11 or 4+secure-boot-policy)"},
        SelectionCase{
            "negative", "-1",
            R"(PCR selection "-1": write PCR numbers from 0 to 23, or systemd's names, joined by +, such as 7+11 or 4+secure-boot-policy)"},
        SelectionCase{
            "huge", "99999999999",
            R"(PCR selection "99999999999": write PCR numbers from 0 to 23, or systemd's names, joined by +, such as 7+11 or 4+secure-boot-policy)"},
        SelectionCase{
            "several_banks", "7:sha1+8:sha256",
            R"(PCR selection "7:sha1+8:sha256": only PCRs of one bank can be given here, without values)"},
        SelectionCase{
            "value", "7:sha1=0000000000000000000000000000000000000000",
            R"(PCR selection "7:sha1=0000000000000000000000000000000000000000": only PCRs of one bank can be given here, without values)"},
        SelectionCase{"short_value", "7:sha1=00",
                      R"(PCR selection "7:sha1=00": the value of PCR 7 must have 40 hex digits)"},
        SelectionCase{"twice", "7+7", R"(PCR selection "7+7": PCR 7 appears twice)"},
        SelectionCase{
            "bank", "7:md5",
            R"(PCR selection "7:md5": the bank behind the colon must be one of sha1, sha256, sha384, sha512)"},
        SelectionCase{
            "no_bank", "7:",
            R"(PCR selection "7:": the bank behind the colon must be one of sha1, sha256, sha384, sha512)"}),
    [](const auto& entry) { return entry.param.name; });

TEST(PcrValuesTest, ABankHoldsForWhatStandsBeforeIt) {
    const auto policies = parse_pcr_values("4+7:sha1=" + std::string(40, 'b') + "+secure-boot-policy");
    ASSERT_EQ(policies.size(), 2U);
    EXPECT_EQ(policies[0].bank, PcrBank::sha1);
    EXPECT_EQ(policies[0].values, (PcrValues{{4, {}}, {7, unhex(std::string(40, 'b'))}}));
    EXPECT_EQ(policies[1].bank, PcrBank::sha256);
    EXPECT_EQ(policies[1].values, (PcrValues{{7, {}}}));
}

TEST(PcrValuesTest, SystemdsNamesAreKnown) {
    EXPECT_EQ(to_string(parse_pcr_selection("boot-loader-code+kernel-boot+kernel-initrd")), "4+9+11:sha256");
}

TEST(PcrMeaningTest, EveryPcrHasOne) {
    EXPECT_EQ(pcr_meaning(7), "Secure Boot policy");
    for (unsigned pcr = 0; pcr < pcr_count; ++pcr) {
        EXPECT_FALSE(pcr_meaning(pcr).empty()) << pcr;
    }
}

} // namespace sealmount
