// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "base/hex.hpp"
#include "sys/crypto/crypto.hpp"
#include "sys/tpm/object_demands.hpp"
#include "sys/tpm/srk_name.hpp"
#include "vectors.hpp"

#include <gtest/gtest.h>

namespace sealmount::testing {

namespace {

using test::unhex;

// A TPM2B_PUBLIC of an ECC key: as much of it as these functions look at.
const std::string area_hex = "0023000b00030472";

TEST(SrkNameTest, TheNameIsTheDigestOfTheArea) {
    const Bytes area = unhex("0008" + area_hex);
    const auto name = name_of_public(area);
    ASSERT_TRUE(name);
    EXPECT_EQ(to_hex(*name), "000b" + to_hex(sha256({unhex(area_hex)})));
}

TEST(SrkNameTest, OtherBytesAreNoPublicArea) {
    EXPECT_FALSE(name_of_public(Bytes{}));
    EXPECT_FALSE(name_of_public(unhex("0007" + area_hex))) << "something behind its end";
    EXPECT_FALSE(name_of_public(unhex("0009" + area_hex))) << "too short";
    EXPECT_FALSE(name_of_public(unhex("00080023000400030472"))) << "nameAlg SHA-1";
    EXPECT_FALSE(name_of_public(unhex("00020023")));
}

TEST(SrkNameTest, TheShortFormIsForPeople) {
    EXPECT_EQ(short_form(unhex("000b3f2a91c077de12ab" + std::string(48, '0'))), "3f2a-91c0-77de-12ab");
    EXPECT_EQ(short_form(unhex("000b01")), "000b01");
}

TEST(SrkNameTest, ARefusalHasBothNames) {
    const Refusal refusal = another_srk(unhex("000b01"), unhex("000b02"));
    EXPECT_EQ(refusal.kind, RefusalKind::srk_changed);
    EXPECT_EQ(refusal.detail, "expected the key 000b01, found 000b02");
}

TEST(ObjectDemandsTest, OnlySealedObjectsHaveSome) {
    SealedObject object;
    const auto with = [&](const std::string& hex) {
        object.public_area = unhex(hex);
        return demands_of(object);
    };
    const std::string policy(64, 'a');
    const auto demands = with("002e0008000b00000052"
                              "0020" +
                              policy + "00100000");
    ASSERT_TRUE(demands);
    EXPECT_FALSE(demands->only_by_policy());
    EXPECT_FALSE(demands->hides_pin());
    EXPECT_EQ(to_hex(demands->policy), policy);
    EXPECT_TRUE(with("002e0008000b00000092"
                     "0020" +
                     policy + "00100000")
                    ->hides_pin());
    EXPECT_FALSE(with("002e0023000b00000092"
                      "0020" +
                      policy + "00100000"))
        << "no KEYEDHASH";
    EXPECT_FALSE(with("002e00080004"
                      "00000092"
                      "0020" +
                      policy + "00100000"))
        << "SHA-1";
    EXPECT_FALSE(with("002e0008000b00000092"
                      "001f" +
                      policy + "00100000"));
    EXPECT_FALSE(with("00310008000b00000092"
                      "0020" +
                      policy + "00100000"));
    EXPECT_FALSE(with(""));
}

} // namespace

} // namespace sealmount::testing
