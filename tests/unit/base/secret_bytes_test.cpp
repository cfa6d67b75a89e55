// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "base/secret_bytes.hpp"

#include "unit/vectors.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <type_traits>
#include <vector>

namespace sealmount {

using test::secret;

static_assert(!std::is_copy_constructible_v<SecretBytes> && !std::is_copy_assignable_v<SecretBytes>);

TEST(SecretBytesTest, NewBytesAreZero) {
    const SecretBytes bytes{40};
    EXPECT_TRUE(
        std::ranges::all_of(bytes.bytes(), [](const std::byte byte) { return byte == std::byte{0}; }));
}

TEST(SecretBytesTest, ShrinkWipesWhatItDrops) {
    SecretBytes bytes = secret("0123456789");
    const std::byte* const memory = bytes.bytes().data();
    bytes.shrink(4);
    EXPECT_TRUE(bytes.equals(as_bytes("0123")));
    for (std::size_t i = 4; i < 10; ++i) {
        EXPECT_EQ(memory[i], std::byte{0}) << i; // still ours: shrinking keeps the memory
    }
}

TEST(SecretBytesTest, ThereIsRoomForTheKeysOfThousandsOfVolumes) {
    std::vector<SecretBytes> keys;
    for (int i = 0; i < 16384; ++i) { // as a rebind has them
        keys.emplace_back(std::size_t{64});
    }
    EXPECT_EQ(SecretBytes::alive(), keys.size());
}

TEST(SecretBytesTest, NoneIsAliveAtTheEnd) {
    const std::size_t before = SecretBytes::alive();
    {
        SecretBytes first = secret("one");
        EXPECT_EQ(SecretBytes::alive(), before + 1);
        SecretBytes second = std::move(first);
        EXPECT_EQ(SecretBytes::alive(), before + 1);
        const SecretBytes third = second.clone();
        EXPECT_EQ(SecretBytes::alive(), before + 2);
        second = secret("two");
        EXPECT_EQ(SecretBytes::alive(), before + 2);
    }
    EXPECT_EQ(SecretBytes::alive(), before);
}

TEST(SecretBytesTest, MovedFromIsEmpty) {
    SecretBytes first = secret("one");
    const SecretBytes second = std::move(first);
    EXPECT_TRUE(first.empty()); // NOLINT(bugprone-use-after-move): the promise under test
    EXPECT_TRUE(second.equals(as_bytes("one")));
}

TEST(SecretBytesTest, EqualsLooksAtSizeAndContents) {
    const SecretBytes bytes = secret("abc");
    EXPECT_TRUE(bytes.equals(as_bytes("abc")));
    EXPECT_FALSE(bytes.equals(as_bytes("abd")));
    EXPECT_FALSE(bytes.equals(as_bytes("ab")));
    EXPECT_TRUE(SecretBytes{}.equals({}));
}

TEST(SecretBytesTest, WipeLeavesZeros) {
    Bytes bytes(8, std::byte{0xff});
    wipe(bytes);
    EXPECT_EQ(bytes, Bytes(8));
}

TEST(SecretBytesTest, ExhaustedMemoryIsAnErrorAndNothingIsAlive) {
    const std::size_t before = SecretBytes::alive();
    EXPECT_EQ(test::reason_of([] { const SecretBytes bytes{1U << 24U}; }), Reason::os);
    EXPECT_EQ(SecretBytes::alive(), before);
}

} // namespace sealmount
