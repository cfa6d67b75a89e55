// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/host/crypto_probe.hpp"

#include <gtest/gtest.h>

namespace sealmount {

namespace {

TEST(CryptoProbeTest, WhatIsThereIsNotAbsent) {
    EXPECT_FALSE(is_algorithm_absent("hash", "sha256"));
    EXPECT_FALSE(is_algorithm_absent("skcipher", "cbc(aes)"));
}

TEST(CryptoProbeTest, WhatNoKernelHasIsAbsentWhereTheKernelSaysSo) {
    if (!is_algorithm_absent("hash", "no-such-hash") || !is_algorithm_absent("skcipher", "no-such-cipher")) {
        GTEST_SKIP() << "this kernel does not say which algorithms it has (no AF_ALG)";
    }
    EXPECT_TRUE(is_algorithm_absent("skcipher", "ecb(rot13)"));
    EXPECT_TRUE(absent_for_ecryptfs("rot13").contains("cbc(rot13)"));
}

TEST(CryptoProbeTest, NamesThatAreTooLongAreNoQuestion) {
    EXPECT_FALSE(is_algorithm_absent("a-type-that-is-too-long", "md5"));
    EXPECT_FALSE(is_algorithm_absent("hash", std::string(100, 'x')));
}

} // namespace

} // namespace sealmount
