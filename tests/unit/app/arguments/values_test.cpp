// Numbers and times as people write them.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "app/arguments/nearest.hpp"
#include "app/arguments/values.hpp"

#include <gtest/gtest.h>

namespace sealmount {
namespace {

TEST(ValuesTest, DecimalDigitsAndNothingElse) {
    EXPECT_EQ(decimal("0"), 0U);
    EXPECT_EQ(decimal("7"), 7U);
    EXPECT_EQ(decimal("18446744073709551615"), 18446744073709551615U);
    for (const char* const text :
         {"", "00", "010", "+1", "-1", " 1", "1 ", "1\n", "1,2", "1_2", "1'2", "0b11", "0o17", "0x1f", "1e3",
          "1.0", "18446744073709551616", "99999999999999999999", "\xd9\xa1"}) {
        EXPECT_EQ(decimal(text), std::nullopt) << text;
    }
}

TEST(ValuesTest, RangesAreInclusive) {
    EXPECT_EQ(decimal_in("1", {1, 3}), 1U);
    EXPECT_EQ(decimal_in("3", {1, 3}), 3U);
    EXPECT_EQ(decimal_in("0", {1, 3}), std::nullopt);
    EXPECT_EQ(decimal_in("4", {1, 3}), std::nullopt);
    EXPECT_EQ(decimal_in("4294967295", {}), 4294967295U);
    EXPECT_EQ(decimal_in("4294967296", {}), std::nullopt);
}

TEST(ValuesTest, SecondsMayHaveAUnit) {
    EXPECT_EQ(seconds_in("90", {}), 90U);
    EXPECT_EQ(seconds_in("90s", {}), 90U);
    EXPECT_EQ(seconds_in("90sec", {}), 90U);
    EXPECT_EQ(seconds_in("5min", {}), 300U);
    EXPECT_EQ(seconds_in("5m", {}), 300U);
    EXPECT_EQ(seconds_in("2h", {}), 7200U);
    for (const char* const text : {"", "s", "5 min", "min5", "1.5h", "-5s", "1h30min", "5days", "infinity",
                                   "05", "4294967295h", "4294967296"}) {
        EXPECT_EQ(seconds_in(text, {}), std::nullopt) << text;
    }
    EXPECT_EQ(seconds_in("2h", {1, 3600}), std::nullopt);
}

TEST(NearestTest, CountsLetters) {
    EXPECT_EQ(edit_distance("list", "list"), 0U);
    EXPECT_EQ(edit_distance("lst", "list"), 1U);
    EXPECT_EQ(edit_distance("ilst", "list"), 1U);
    EXPECT_EQ(edit_distance("", "list"), 4U);
    EXPECT_EQ(edit_distance("lst", "slots"), 3U);
}

TEST(NearestTest, ProposesThreeAtMost) {
    const std::vector<std::string> names = {"list", "slots", "recover", "recovery-key", "remove"};
    EXPECT_EQ(nearest("lst", names), std::vector<std::string>{"list"});
    EXPECT_EQ(nearest("recov", names), (std::vector<std::string>{"recover", "recovery-key", "remove"}));
    EXPECT_EQ(nearest("frobnicate", names), std::vector<std::string>{});
    EXPECT_EQ(nearest("", names), std::vector<std::string>{});
    EXPECT_EQ(nearest("-x", {"--yes", "--pcr"}), std::vector<std::string>{});
    EXPECT_EQ(nearest("aaaa", {"aaab", "aaac", "aaad", "aaae"}).size(), 3U);
}

TEST(NearestTest, Sentence) {
    EXPECT_EQ(did_you_mean("lst", {"list", "slots"}), "; did you mean \"list\"?");
    EXPECT_EQ(did_you_mean("slt", {"slit", "slot"}), "; did you mean \"slit\" or \"slot\"?");
    EXPECT_EQ(did_you_mean("--lowr", {"--lower", "--log"}), "; did you mean \"--lower\"?");
    EXPECT_EQ(did_you_mean("aaaa", {"aaab", "aaac", "aaad"}),
              "; did you mean \"aaab\", \"aaac\" or \"aaad\"?");
    EXPECT_EQ(did_you_mean("frobnicate", {"list"}), "");
}

} // namespace
} // namespace sealmount
