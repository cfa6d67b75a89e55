// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/master/recovery_key.hpp"

#include "core/ecryptfs/encrypted_key.hpp"
#include "sys/crypto/aead.hpp"
#include "sys/crypto/qr_code.hpp"
#include "unit/vectors.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace sealmount {

using test::unhex;

namespace {

SecretBytes secret(const std::string_view text) {
    return SecretBytes{as_bytes(text)};
}

SecretBytes secret_of_hex(const std::string& hex) {
    return SecretBytes{unhex(hex)};
}

std::string plain_text(const SecretBytes& text) {
    return {reinterpret_cast<const char*>(text.bytes().data()), text.size()};
}

constexpr const char* counting = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
constexpr const char* counting_text =
    "cccbcdce-cfcgchci-cjckclcn-crctcucv-bcbbbdbe-bfbgbhbi-bjbkblbn-brbtbubv";

} // namespace

TEST(AeadTest, HkdfIsThatOfRfc5869) { // its test case 1
    const SecretBytes key = secret_of_hex("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b");
    const std::vector<std::byte> info = unhex("f0f1f2f3f4f5f6f7f8f9");
    const SecretBytes okm = hkdf_sha256(key, unhex("000102030405060708090a0b0c"),
                                        {reinterpret_cast<const char*>(info.data()), info.size()}, 42);
    EXPECT_TRUE(okm.equals(
        unhex("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865")));
}

TEST(AeadTest, GcmIsThatOfItsInventors) { // McGrew and Viega, test case 16
    const SecretBytes key = secret_of_hex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
    const auto nonce = unhex("cafebabefacedbaddecaf888");
    const auto context = unhex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
    const SecretBytes plain = secret_of_hex("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
                                            "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39");
    const auto wanted = unhex("522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
                              "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
                              "76fc6ece0f4e1768cddf8853bb2d551b");
    EXPECT_EQ(aes256_gcm_encrypt(key, nonce, context, plain), wanted);
    const auto opened = aes256_gcm_decrypt(key, nonce, context, wanted);
    ASSERT_TRUE(opened);
    EXPECT_TRUE(opened->equals(plain.bytes()));
}

TEST(AeadTest, AnyChangedBitIsNoticed) {
    const SecretBytes key{32};
    const Bytes nonce(gcm_nonce_size);
    const Bytes good = aes256_gcm_encrypt(key, nonce, as_bytes("here"), secret("something"));
    EXPECT_TRUE(aes256_gcm_decrypt(key, nonce, as_bytes("here"), good));
    EXPECT_FALSE(aes256_gcm_decrypt(key, nonce, as_bytes("there"), good));
    for (std::size_t i = 0; i < good.size(); ++i) {
        Bytes bad = good;
        bad[i] ^= std::byte{1};
        EXPECT_FALSE(aes256_gcm_decrypt(key, nonce, as_bytes("here"), bad)) << i;
    }
    EXPECT_FALSE(aes256_gcm_decrypt(key, nonce, as_bytes("here"), Bytes(3)));
}

TEST(RecoveryKeyTest, TextIsSystemdsForm) {
    EXPECT_EQ(plain_text(recovery_key_text(secret_of_hex(counting))), counting_text);
    // "test" in Yubico's manual of the modhex tool.
    EXPECT_EQ(plain_text(recovery_key_text(secret_of_hex("74657374" + std::string(56, '0')))).substr(0, 8),
              "ifhgieif");
}

TEST(RecoveryKeyTest, TextIsReadInAnyCaseWithOrWithoutDashes) {
    std::string upper = counting_text;
    std::ranges::transform(upper, upper.begin(), [](const char c) { return c == '-' ? '-' : c - 'a' + 'A'; });
    std::string bare = counting_text;
    std::erase(bare, '-');
    std::string spaced = counting_text;
    std::ranges::replace(spaced, '-', ' ');
    for (const std::string& text : {std::string{counting_text}, upper, bare, spaced}) {
        const auto key = recovery_key_from(secret(text));
        ASSERT_TRUE(key) << text;
        EXPECT_TRUE(key->equals(unhex(counting))) << text;
    }
}

TEST(RecoveryKeyTest, OtherTextsAreNone) {
    const std::string text = counting_text;
    for (const std::string& other :
         {std::string{}, std::string{"correct horse battery"}, text.substr(1), text + "c", text + "-cc",
          "a" + text.substr(1), text.substr(0, 70) + '\0'}) {
        EXPECT_FALSE(recovery_key_from(secret(other))) << other;
    }
}

TEST(RecoveryKeyTest, SlotOpensWithItsKeyAndUnderItsNameOnly) {
    const SecretBytes master = random_secret(master_key_size);
    const SecretBytes key = random_secret(recovery_key_size);
    MasterFile file;
    file.recovery = {make_recovery_slot("default", 2, master, key, "")};
    const auto opened = open_with_recovery_key("default", file, key);
    ASSERT_TRUE(opened);
    EXPECT_EQ(opened->slot, 2U);
    EXPECT_TRUE(opened->key.equals(master.bytes()));
    EXPECT_FALSE(open_with_recovery_key("default", file, random_secret(recovery_key_size)));
    EXPECT_FALSE(open_with_recovery_key("other", file, key)) << "the name is authenticated";
    file.recovery[0].id = 3;
    EXPECT_FALSE(open_with_recovery_key("default", file, key)) << "so is the number";
}

TEST(RecoveryKeyTest, EachSlotFindsItsOwnKey) {
    const SecretBytes master = random_secret(master_key_size);
    const SecretBytes one = random_secret(recovery_key_size);
    const SecretBytes two = random_secret(recovery_key_size);
    MasterFile file;
    file.recovery = {make_recovery_slot("m", 1, master, one, ""),
                     make_recovery_slot("m", 2, master, two, "")};
    EXPECT_EQ(open_with_recovery_key("m", file, two)->slot, 2U);
    EXPECT_NE(file.recovery[0].salt, file.recovery[1].salt);
}

TEST(RecoveryKeyTest, QrCodeIsSquareAndHasItsMargin) {
    const auto code = qr_code_for_terminal(secret(counting_text));
    ASSERT_TRUE(code);
    const std::string text = plain_text(*code);
    const auto lines = std::ranges::count(text, '\n');
    EXPECT_EQ(lines, (33 + 2 * 4 + 1) / 2) << "version 4 has 33 modules";
    const std::string first = text.substr(0, text.find('\n'));
    EXPECT_EQ(first.find(' '), std::string::npos) << "the margin is white";
}

} // namespace sealmount
