// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "base/hex.hpp"

#include "unit/vectors.hpp"

#include <gtest/gtest.h>

namespace sealmount {

TEST(HexTest, BytesBecomeLowerCase) {
    EXPECT_EQ(to_hex(std::vector{std::byte{0x00}, std::byte{0xaf}, std::byte{0x10}}), "00af10");
    EXPECT_EQ(to_hex({}), "");
}

TEST(HexTest, EveryByteComesBack) {
    Bytes all;
    for (unsigned value = 0; value < 256; ++value) {
        all.push_back(static_cast<std::byte>(value));
    }
    EXPECT_EQ(from_hex(to_hex(all)), all);
}

TEST(HexTest, UpperCaseIsRead) {
    EXPECT_EQ(from_hex("AbCd"), (Bytes{std::byte{0xab}, std::byte{0xcd}}));
}

TEST(HexTest, WhatIsNotHexIsNothing) {
    for (const std::string_view text : {"a", "0g", "0x", " 0", "0 ", "+1", "-1", "\xc3\xa4"}) {
        EXPECT_FALSE(from_hex(text)) << text;
    }
}

TEST(HexTest, LowerHexHasExactlyTheDigits) {
    EXPECT_TRUE(is_lower_hex("09af", 4));
    EXPECT_FALSE(is_lower_hex("09af", 5));
    EXPECT_FALSE(is_lower_hex("09aF", 4));
    EXPECT_FALSE(is_lower_hex("09ag", 4));
    EXPECT_FALSE(is_lower_hex("09a\n", 4));
}

} // namespace sealmount
