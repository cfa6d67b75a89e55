// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "base/error.hpp"
#include "core/policy/policy_json.hpp"
#include "unit/vectors.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <string>

namespace sealmount {

namespace {

using test::unhex;

const std::string a_value(64, 'a');

PcrPolicy literal(const PcrBank bank, const unsigned pcr, const std::string& value) {
    return {.bank = bank, .values = {{pcr, unhex(value)}}};
}

} // namespace

TEST(PolicyJsonTest, EveryConditionComesBack) {
    Policy policy;
    policy.pcrs = {literal(PcrBank::sha1, 4, std::string(40, 'b')), literal(PcrBank::sha256, 7, a_value)};
    policy.boot_window = std::chrono::seconds{120};
    policy.last_boot = 4294967295;
    policy.not_after_sleep = true;
    policy.pin = true;
    EXPECT_EQ(policy_from_json(to_json(policy), "p"), policy);
    policy.pcrlock = {.file = "/var/lib/systemd/pcrlock.json",
                      .nv_index = 0x01800001,
                      .nv_name = unhex("000b" + std::string(64, 'c'))};
    EXPECT_EQ(policy_from_json(to_json(policy), "p"), policy);
}

TEST(PolicyJsonTest, AnEmptyPolicyIsAWord) {
    EXPECT_EQ(to_json(Policy{}).dump(), R"({"none":true})");
    EXPECT_EQ(policy_from_json(to_json(Policy{}), "p"), Policy{});
}

TEST(PolicyJsonTest, TheFirstFormIsStillRead) {
    const Json json = parse_json(R"({"type":"pcr","bank":"sha256","values":{"7":")" + a_value + R"("}})");
    Policy expected;
    expected.pcrs = {literal(PcrBank::sha256, 7, a_value)};
    EXPECT_EQ(policy_from_json(json, "p"), expected);
}

struct PolicyJsonCase {
    const char* name;
    std::string json;
    const char* message;
};

class PolicyJsonRefusalTest : public testing::TestWithParam<PolicyJsonCase> {};

TEST_P(PolicyJsonRefusalTest, SaysWhatIsWrong) {
    const Json json = parse_json(GetParam().json);
    const Error error = test::error_of([&] { static_cast<void>(policy_from_json(json, "p")); });
    EXPECT_EQ(error.reason(), Reason::config);
    EXPECT_STREQ(error.what(), GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    Table, PolicyJsonRefusalTest,
    testing::Values(
        PolicyJsonCase{"nothing", "{}",
                       "p.none: must be true in a policy without conditions, and in no other"},
        PolicyJsonCase{"both", R"({"none":true,"pin":true})",
                       "p.none: must be true in a policy without conditions, and in no other"},
        PolicyJsonCase{"old_type", R"({"type":"x","bank":"sha256","values":{}})",
                       "p.type: is not \"pcr\", the only one that the first form of this file knew"},
        PolicyJsonCase{"old_extra",
                       R"({"type":"pcr","bank":"sha256","values":{"7":")" + a_value + R"("},"x":1})",
                       "p.x: is not a known member"},
        PolicyJsonCase{
            "bank", R"({"pcrs":[{"bank":"md5","values":{}}]})",
            R"(p.pcrs[0].bank: "md5" is not a PCR bank: it must be one of sha1, sha256, sha384, sha512)"},
        PolicyJsonCase{
            "no_values", R"({"pcrs":[{"bank":"sha256","values":{}}]})",
            "p.pcrs[0].values: does not name a PCR: such a policy would be satisfied in any state"},
        PolicyJsonCase{"number", R"({"pcrs":[{"bank":"sha256","values":{"07":""}}]})",
                       "p.pcrs[0].values.07: is not a PCR: the numbers go from 0 to 23"},
        PolicyJsonCase{"value", R"({"pcrs":[{"bank":"sha256","values":{"7":"aa"}}]})",
                       "p.pcrs[0].values.7: must be 64 lower-case hex digits"},
        PolicyJsonCase{"value_of_another_bank",
                       R"({"pcrs":[{"bank":"sha1","values":{"7":")" + a_value + R"("}}]})",
                       "p.pcrs[0].values.7: must be 40 lower-case hex digits"},
        PolicyJsonCase{"bank_twice",
                       R"({"pcrs":[{"bank":"sha256","values":{"7":")" + a_value +
                           R"("}},{"bank":"sha256","values":{"8":")" + a_value + R"("}}]})",
                       "p.pcrs[1].bank: appears twice, or not in ascending order"},
        PolicyJsonCase{"window", R"({"boot_window_ms":0})",
                       "p.boot_window_ms: must be a number of milliseconds"},
        PolicyJsonCase{"boot", R"({"last_boot":4294967296})", "p.last_boot: must be a number of 32 bits"},
        PolicyJsonCase{"pcrlock_path", R"({"pcrlock":{"file":"x","nv_index":1,"nv_name":"00"}})",
                       R"(p.pcrlock.file: "x" is not absolute: write the whole path, beginning with /)"},
        PolicyJsonCase{"pcrlock_name", R"({"pcrlock":{"file":"/x","nv_index":1,"nv_name":"00"}})",
                       "p.pcrlock.nv_name: is not the TPM name of an NV index"},
        PolicyJsonCase{"signed_pcrs",
                       R"({"signed":{"bank":"sha256","pcrs":[24],"public_key":"","file":"/x"}})",
                       "p.signed.pcrs: must be numbers of PCRs, from 0 to 23"},
        PolicyJsonCase{"signed_no_pcr",
                       R"({"signed":{"bank":"sha256","pcrs":[],"public_key":"","file":"/x"}})",
                       "p.signed.pcrs: does not name a PCR"},
        PolicyJsonCase{"unknown", R"({"none":true,"x":1})", "p.x: is not a known member"}),
    [](const auto& entry) { return entry.param.name; });

} // namespace sealmount
