// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/policy/given_values.hpp"

#include "unit/vectors.hpp"

#include <gtest/gtest.h>

namespace sealmount {

using test::message_of;

namespace {

const std::string sha1_value(40, 'a');
const std::string sha256_value(64, 'b');

} // namespace

TEST(GivenValuesTest, NumberAndValueAreRead) {
    const auto [pcr, value] = parse_pcr_value("11=" + sha256_value, PcrBank::sha256);
    EXPECT_EQ(pcr, 11U);
    EXPECT_EQ(to_hex(value), sha256_value);
}

TEST(GivenValuesTest, OtherWordsAreRefused) {
    for (const std::string& text :
         std::vector<std::string>{"", "11", "=" + sha256_value, "24=" + sha256_value, "1x=" + sha256_value}) {
        EXPECT_EQ(message_of([&] { static_cast<void>(parse_pcr_value(text, PcrBank::sha256)); }),
                  "PCR value \"" + text +
                      "\": write a PCR number from 0 to 23, = and its value, such as 11=HEX");
    }
    EXPECT_EQ(message_of([] { static_cast<void>(parse_pcr_value("7=" + sha1_value, PcrBank::sha256)); }),
              "PCR value \"7=" + sha1_value +
                  "\": the value must be 64 hex digits, as the bank sha256 has them");
}

TEST(GivenValuesTest, PredictionIsRead) {
    const NextValues next = read_next_values(
        R"({"bank":"sha1","host":"a","pcrs":[{"pcr":4,"next":")" + sha1_value +
        R"(","events":[]},{"pcr":9,"next":null},{"pcr":7,"bank":"sha1","next":")" + sha1_value + R"("}]})");
    EXPECT_EQ(next.bank, PcrBank::sha1);
    EXPECT_EQ(next.values.size(), 2U);
    EXPECT_EQ(to_hex(next.values.at(4)), sha1_value);
    EXPECT_EQ(next.unknown, std::set<unsigned>{9});
}

struct BadPrediction {
    const char* name;
    const char* json;
    const char* message;
};

class BadPredictionTest : public testing::TestWithParam<BadPrediction> {};

TEST_P(BadPredictionTest, PlaceIsNamed) {
    EXPECT_EQ(message_of([] { static_cast<void>(read_next_values(GetParam().json)); }), GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    Table, BadPredictionTest,
    testing::Values(
        BadPrediction{"no_bank", R"({"pcrs":[]})", "bank: is missing"},
        BadPrediction{"bank", R"({"bank":"md5","pcrs":[]})",
                      "bank: must be one of sha1, sha256, sha384, sha512"},
        BadPrediction{"other_bank", R"({"bank":"sha1","pcrs":[{"pcr":1,"bank":"sha256","next":null}]})",
                      "pcrs[0].bank: is not that of the document: a signature is for one bank"},
        BadPrediction{"pcr", R"({"bank":"sha1","pcrs":[{"pcr":24,"next":null}]})",
                      "pcrs[0].pcr: is not a PCR: the numbers go from 0 to 23"},
        BadPrediction{"twice", R"({"bank":"sha1","pcrs":[{"pcr":1,"next":null},{"pcr":1,"next":null}]})",
                      "pcrs[1].pcr: appears twice"},
        BadPrediction{"no_next", R"({"bank":"sha1","pcrs":[{"pcr":1}]})", "pcrs[0].next: is missing"},
        BadPrediction{"next", R"({"bank":"sha1","pcrs":[{"pcr":1,"next":"aa"}]})",
                      "pcrs[0].next: must be 40 hex digits, as the bank sha1 has them"}),
    [](const auto& entry) { return entry.param.name; });

} // namespace sealmount
