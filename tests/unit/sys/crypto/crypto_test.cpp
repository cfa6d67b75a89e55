// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/crypto/crypto.hpp"

#include "unit/vectors.hpp"

#include <gtest/gtest.h>

namespace sealmount {

using test::secret_unhex;
using test::unhex;

TEST(CryptoTest, Sha256OfFips180) {
    constexpr auto expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    EXPECT_EQ(to_hex(sha256({as_bytes("abc")})), expected);
    EXPECT_EQ(to_hex(sha256({as_bytes("a"), as_bytes(""), as_bytes("bc")})), expected);
    EXPECT_EQ(to_hex(secret_sha256(as_bytes("abc")).bytes()), expected);
}

TEST(CryptoTest, Sha512OfFips180IsOneRound) {
    EXPECT_EQ(to_hex(iterated_sha512(as_bytes("abc"), 1).bytes()),
              "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
              "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
}

TEST(CryptoTest, FurtherRoundsTakeTheDigest) {
    const SecretBytes once = iterated_sha512(as_bytes("abc"), 1);
    EXPECT_TRUE(iterated_sha512(as_bytes("abc"), 2).equals(iterated_sha512(once.bytes(), 1).bytes()));
}

TEST(CryptoTest, HmacOfRfc4231Case1) {
    const SecretBytes key = secret_unhex("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b");
    EXPECT_EQ(to_hex(hmac_sha256(key, {as_bytes("Hi "), as_bytes("There")})),
              "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
}

TEST(CryptoTest, AesOfSp800_38a) {
    const SecretBytes key = secret_unhex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4");
    const Bytes iv = unhex("000102030405060708090a0b0c0d0e0f");
    const std::string plain = "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51";
    const std::string cipher = "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d";
    EXPECT_EQ(to_hex(aes256_cbc_encrypt(key, iv, secret_unhex(plain))), cipher);
    EXPECT_EQ(to_hex(aes256_cbc_decrypt(key, iv, unhex(cipher)).bytes()), plain);
}

TEST(CryptoTest, WrongSizesAreAMistakeOfOurs) {
    const SecretBytes key{32};
    EXPECT_EQ(test::reason_of([&] { static_cast<void>(aes256_cbc_decrypt(key, Bytes(16), Bytes(15))); }),
              Reason::internal);
    EXPECT_EQ(test::reason_of([&] { static_cast<void>(aes256_cbc_decrypt(key, Bytes(12), Bytes(16))); }),
              Reason::internal);
    EXPECT_EQ(test::reason_of(
                  [&] { static_cast<void>(aes256_cbc_decrypt(SecretBytes{16}, Bytes(16), Bytes(16))); }),
              Reason::internal);
}

TEST(CryptoTest, RandomBytesDiffer) {
    EXPECT_NE(random_bytes(32), random_bytes(32));
    EXPECT_FALSE(random_secret(32).equals(random_secret(32).bytes()));
}

TEST(CryptoTest, ConstantTimeCompareCompares) {
    EXPECT_TRUE(equal_constant_time({}, {}));
    EXPECT_TRUE(equal_constant_time(as_bytes("a"), as_bytes("a")));
    EXPECT_FALSE(equal_constant_time(as_bytes("a"), as_bytes("b")));
    EXPECT_FALSE(equal_constant_time(as_bytes("a"), as_bytes("ab")));
}

TEST(Base64Test, VectorsOfRfc4648) {
    const std::pair<std::string_view, std::string_view> table[] = {{"", ""},
                                                                   {"f", "Zg=="},
                                                                   {"fo", "Zm8="},
                                                                   {"foo", "Zm9v"},
                                                                   {"foob", "Zm9vYg=="},
                                                                   {"fooba", "Zm9vYmE="},
                                                                   {"foobar", "Zm9vYmFy"}};
    for (const auto& [plain, text] : table) {
        EXPECT_EQ(to_base64(as_bytes(plain)), text);
        const auto back = from_base64(text);
        ASSERT_TRUE(back) << text;
        EXPECT_TRUE(equal_constant_time(*back, as_bytes(plain))) << text;
    }
}

TEST(Base64Test, OtherSpellingsAreRefused) {
    for (const std::string_view text : {"Zg", "Zg=", "Zh==", "Zm9=", "Zm9v\n", " Zm9v   ", "Zm9v====", "====",
                                        "Z===", "Z=g=", "Zm-_", "Zm9vYg==Zm9v", "\n\n\n\n"}) {
        EXPECT_FALSE(from_base64(text)) << text;
    }
    EXPECT_FALSE(from_base64(std::string_view{"Zm9\0", 4}));
}

} // namespace sealmount
