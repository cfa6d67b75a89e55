// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/policy/pcrlock_file.hpp"

#include "core/policy/policy_digest.hpp"
#include "unit/vectors.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

namespace sealmount {

using test::message_of;
using test::text_of;
using test::unhex;
using testing::HasSubstr;

namespace {

Bytes value(const unsigned byte) {
    return Bytes(32, static_cast<std::byte>(byte));
}

std::string hex(const unsigned byte) {
    return to_hex(value(byte));
}

Json nv_vector() {
    return test::vectors("policy_steps.json", "nv").front();
}

/// The members in systemd's order and forms; what is base64 there and of no use to us is short here.
Json document() {
    const Json nv = nv_vector();
    return {{"pcrBank", "sha256"},
            {"pcrValues",
             {{{"pcr", 7}, {"values", {hex(7)}}},
              {{"pcr", 4}, {"values", {hex(0x40), hex(0x41), hex(0x42)}}},
              {{"pcr", 0}, {"values", {hex(0)}}},
              {{"pcr", 11}, {"values", {hex(0xb1), hex(0xb0), hex(0xb1)}}}}},
            {"nvIndex", nv.at("index")},
            {"nvHandle", "AAAA"},
            {"nvPublic", to_base64(unhex(text_of(nv, "public")))},
            {"srkHandle", "AAAA"},
            {"pinPublic", "AAAA"},
            {"pinPrivate", "AAAA"}};
}

PcrlockFile sample() {
    return read_pcrlock(document().dump());
}

const PcrValues fitting = {{0, value(0)}, {4, value(0x41)}, {7, value(7)}, {11, value(0xb0)}};

/// What a TPM makes of the steps while the PCRs hold `present`; fails where it would refuse a choice.
PolicyDigest play(const PolicySteps& steps, const PcrValues& present) {
    PolicyDigest policy = fresh_policy();
    for (const PolicyStep& step : steps) {
        if (const auto* const pcrs = std::get_if<PcrStep>(&step)) {
            policy = after_pcr(policy, pcrs->selection, present);
        } else if (const auto* const choice = std::get_if<OrStep>(&step)) {
            EXPECT_NE(std::ranges::find(choice->branches, policy), choice->branches.end());
            policy = after_or(choice->branches);
        }
    }
    return policy;
}

} // namespace

TEST(PcrlockFileTest, FileIsRead) {
    const PcrlockFile file = sample();
    EXPECT_EQ(file.selection(), (PcrSelection{.bank = PcrBank::sha256, .mask = 0x891}));
    EXPECT_EQ(file.allowed.at(4), (std::vector{value(0x40), value(0x41), value(0x42)}));
    EXPECT_EQ(file.allowed.at(11), (std::vector{value(0xb1), value(0xb0)}));
    EXPECT_EQ(file.nv.index, 0x1800123U);
    EXPECT_EQ(to_hex(file.nv.written_name), text_of(nv_vector(), "name"));
}

TEST(PcrlockFileTest, IndexMayBeDigits) {
    Json json = document();
    json["nvIndex"] = std::to_string(0x1800123);
    EXPECT_EQ(read_pcrlock(json.dump()).nv.index, 0x1800123U);
}

TEST(PcrlockFileTest, StepsAreThoseOfSystemd) {
    const auto steps = pcrlock_steps(sample(), fitting);
    ASSERT_TRUE(steps);
    ASSERT_EQ(steps->size(), 6U);
    const auto pcrs = [&](const std::size_t at) { return std::get<PcrStep>(steps->at(at)).selection.mask; };
    EXPECT_EQ(pcrs(0), 1U << 0 | 1U << 7); // all with one value, at once
    EXPECT_EQ(pcrs(1), 1U << 4);           // then those with a choice, ascending
    EXPECT_EQ(std::get<OrStep>(steps->at(2)).branches.size(), 3U);
    EXPECT_EQ(pcrs(3), 1U << 11);
    EXPECT_EQ(std::get<OrStep>(steps->at(4)).branches.size(), 2U);
    EXPECT_EQ(std::get<AuthorizeNvStep>(steps->at(5)).nv_index, 0x1800123U);
}

TEST(PcrlockFileTest, EveryAllowedStateLeadsToTheOneDigest) {
    const PcrlockFile file = sample();
    for (const unsigned pcr4 : {0x40U, 0x41U, 0x42U}) {
        for (const unsigned pcr11 : {0xb0U, 0xb1U}) {
            PcrValues present = fitting;
            present[4] = value(pcr4);
            present[11] = value(pcr11);
            const auto steps = pcrlock_steps(file, present);
            ASSERT_TRUE(steps);
            EXPECT_EQ(play(*steps, present), pcrlock_digest(file));
        }
    }
}

TEST(PcrlockFileTest, OnlySingleValuesAreOnePcrStep) {
    Json json = document();
    json["pcrValues"] = {{{"pcr", 7}, {"values", {hex(7)}}}};
    const PcrlockFile file = read_pcrlock(json.dump());
    EXPECT_EQ(pcrlock_steps(file, fitting)->size(), 2U);
    EXPECT_EQ(pcrlock_digest(file), after_pcr(fresh_policy(), file.selection(), fitting));
}

TEST(PcrlockFileTest, OnlyChoicesBeginWithAFreshSession) {
    Json json = document();
    json["pcrValues"] = {{{"pcr", 7}, {"values", {hex(7), hex(8)}}}};
    const PcrlockFile file = read_pcrlock(json.dump());
    EXPECT_EQ(pcrlock_steps(file, fitting)->size(), 3U);
    const PcrSelection pcr7 = file.selection();
    EXPECT_EQ(pcrlock_digest(file), after_or(std::vector{after_pcr(fresh_policy(), pcr7, {{7, value(7)}}),
                                                         after_pcr(fresh_policy(), pcr7, {{7, value(8)}})}));
}

TEST(PcrlockFileTest, ValuesThatAreNotAllowedAreNamed) {
    PcrValues present = fitting;
    present[4] = value(0x99);
    present.erase(11);
    const auto steps = pcrlock_steps(sample(), present);
    ASSERT_FALSE(steps);
    ASSERT_EQ(steps.error().size(), 2U);
    EXPECT_EQ(steps.error()[0],
              (PcrlockMismatch{.pcr = 4, .found = hex(0x99), .allowed = {hex(0x40), hex(0x41), hex(0x42)}}));
    EXPECT_EQ(steps.error()[1], (PcrlockMismatch{.pcr = 11, .found = "", .allowed = {hex(0xb1), hex(0xb0)}}));
}

struct BadPcrlock {
    const char* name;
    const char* member;
    std::string value; ///< JSON; "" takes the member away
    const char* message;
};

class BadPcrlockTest : public testing::TestWithParam<BadPcrlock> {};

TEST_P(BadPcrlockTest, PlaceIsNamed) {
    Json json = document();
    if (GetParam().value.empty()) {
        json.erase(GetParam().member);
    } else {
        json[GetParam().member] = parse_json(GetParam().value);
    }
    EXPECT_EQ(message_of([&] { static_cast<void>(read_pcrlock(json.dump())); }), GetParam().message);
}

std::string values_of(const unsigned count) {
    Json values = Json::array();
    for (unsigned i = 0; i < count; ++i) {
        values.push_back(hex(i));
    }
    return Json::array({{{"pcr", 4}, {"values", values}}}).dump();
}

INSTANTIATE_TEST_SUITE_P(
    Table, BadPcrlockTest,
    testing::Values(
        BadPcrlock{"bank", "pcrBank", R"("md5")", "pcrBank: must be one of sha1, sha256, sha384, sha512"},
        BadPcrlock{"no_values", "pcrValues", "", "pcrValues: is missing"},
        BadPcrlock{"nothing", "pcrValues", "[]",
                   "pcrValues: does not name a PCR: such a policy would be satisfied in any state"},
        BadPcrlock{"pcr", "pcrValues", R"([{"pcr":24,"values":[]}])",
                   "pcrValues[0].pcr: is not a PCR: the numbers go from 0 to 23"},
        BadPcrlock{
            "none", "pcrValues", values_of(0),
            "pcrValues[0].values: must hold one to eight different values: a TPM takes no other number"},
        BadPcrlock{
            "nine", "pcrValues", values_of(9),
            "pcrValues[0].values: must hold one to eight different values: a TPM takes no other number"},
        BadPcrlock{"hex", "pcrValues", R"([{"pcr":4,"values":["00"]}])",
                   "pcrValues[0].values[0]: must be 64 hex digits"},
        BadPcrlock{"no_text", "pcrValues", R"([{"pcr":4,"values":[4]}])",
                   "pcrValues[0].values[0]: must be 64 hex digits"},
        BadPcrlock{"index", "nvIndex", "-1", "nvIndex: must be a number of 32 bits"},
        BadPcrlock{"index_text", "nvIndex", R"("0x1")", "nvIndex: must be a number of 32 bits"},
        BadPcrlock{"other_index", "nvIndex", "1", "nvPublic: is not that of the NV index that nvIndex names"},
        BadPcrlock{"public", "nvPublic", R"("?")", "nvPublic: is not base64"},
        BadPcrlock{"public_short", "nvPublic", R"("AAAA")",
                   "nvPublic: is not the public area of an NV index (TPM2B_NV_PUBLIC) with a SHA-256 name"}),
    [](const auto& entry) { return entry.param.name; });

TEST(PcrlockFileTest, RealFileFitsTheMachineThatMadeIt) {
    const std::string directory = SEALMOUNT_TEST_VECTORS;
    const PcrlockFile file = read_pcrlock(test::read_file(directory + "/pcrlock.json"));
    PcrValues present;
    std::istringstream lines{test::read_file(directory + "/pcrlock-pcrs.txt")};
    for (std::string line; std::getline(lines, line);) { // as tpm2_pcrread prints them: "  4 : 0xHEX"
        if (const std::size_t at = line.find(": 0x"); at != std::string::npos) {
            present.emplace(static_cast<unsigned>(std::stoul(line)), unhex(line.substr(at + 4)));
        }
    }
    ASSERT_EQ(present.size(), pcr_count);
    const auto steps = pcrlock_steps(file, present);
    ASSERT_TRUE(steps);
    EXPECT_EQ(play(*steps, present), pcrlock_digest(file));
    EXPECT_EQ(std::get<AuthorizeNvStep>(steps->back()).nv_index, file.nv.index);
    present.at(4) = value(4);
    const auto refused = pcrlock_steps(file, present);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().size(), 1U);
}

TEST(PcrlockFileTest, EightValuesAreTaken) {
    Json json = document();
    json["pcrValues"] = parse_json(values_of(8));
    EXPECT_EQ(read_pcrlock(json.dump()).allowed.at(4).size(), 8U);
}

} // namespace sealmount
