// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/ecryptfs/encrypted_key.hpp"

#include "base/strict_json.hpp"
#include "unit/vectors.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cctype>

namespace sealmount {

using test::secret_unhex;
using test::text_of;
using test::unhex;

class EncryptedKeyTest : public testing::Test {
  protected:
    const Json vector_ = test::vectors("vectors.json", "encrypted_key").at(0);
    const std::string text_ = text_of(vector_, "text");
    const SecretBytes master_ = secret_unhex(text_of(vector_, "master_hex"));
    const SecretBytes fekek_ = secret_unhex(text_of(vector_, "fekek_hex"));
    const std::size_t hex_start_ = text_.rfind(' ') + 1;

    [[nodiscard]] bool opens(const std::string& text) const {
        try {
            return open_encrypted_key(text, master_).equals(fekek_.bytes());
        } catch (const Error& error) {
            EXPECT_EQ(error.reason(), Reason::bad_data) << error.what();
            return false;
        }
    }
    [[nodiscard]] std::string refusal(const std::string& text) const {
        return test::message_of([&] { static_cast<void>(open_encrypted_key(text, master_)); });
    }
};

TEST_F(EncryptedKeyTest, TextIsTheOneThatTheKernelMakes) {
    EXPECT_EQ(compose_encrypted_key(text_of(vector_, "master_description"), master_, fekek_,
                                    unhex(text_of(vector_, "iv_hex"))),
              text_);
}

TEST_F(EncryptedKeyTest, KeyComesBack) {
    EXPECT_TRUE(opens(text_));
}

TEST_F(EncryptedKeyTest, TextNamesItsMaster) {
    EXPECT_EQ(master_description_of(text_), "user:testmaster");
}

TEST_F(EncryptedKeyTest, TamperedTextIsRefused) {
    const std::size_t ignored = hex_start_ + 32; // the zero byte between IV and ciphertext
    for (std::size_t i = 0; i < text_.size(); ++i) {
        for (unsigned bit = 0; bit < 8; ++bit) {
            std::string tampered = text_;
            tampered[i] = static_cast<char>(static_cast<unsigned char>(tampered[i]) ^ (1U << bit));
            const bool same_digit =
                i >= hex_start_ && std::tolower(static_cast<unsigned char>(tampered[i])) == text_[i];
            const bool is_hex = std::isxdigit(static_cast<unsigned char>(tampered[i])) != 0;
            const bool harmless = same_digit || ((i == ignored || i == ignored + 1) && is_hex);
            EXPECT_EQ(opens(tampered), harmless) << "character " << i << ", bit " << bit;
        }
    }
}

TEST_F(EncryptedKeyTest, CutOffTextIsRefused) {
    for (std::size_t size = 0; size < text_.size(); ++size) {
        EXPECT_FALSE(opens(text_.substr(0, size))) << size;
    }
}

TEST_F(EncryptedKeyTest, AnotherMasterIsRefused) {
    EXPECT_EQ(test::message_of([&] { static_cast<void>(open_encrypted_key(text_, SecretBytes{32})); }),
              "the encrypted key is damaged or was made under another master key");
}

TEST_F(EncryptedKeyTest, FormIsThatOfTheKernel) {
    const std::string hex = text_.substr(hex_start_);
    const std::string head = "not the text of an encrypted key: ";
    EXPECT_EQ(refusal(""), head + "its first word is not \"ecryptfs\"");
    EXPECT_EQ(refusal("default user:m 64 " + hex), head + "its first word is not \"ecryptfs\"");
    EXPECT_EQ(refusal("ecryptfs  user:m 64 " + hex),
              head + "its second word does not name a trusted: or user: key");
    EXPECT_EQ(refusal("ecryptfs user: 64 " + hex),
              head + "its second word does not name a trusted: or user: key");
    EXPECT_EQ(refusal("ecryptfs logon:m 64 " + hex),
              head + "its second word does not name a trusted: or user: key");
    EXPECT_EQ(refusal("ecryptfs user:m\n 64 " + hex),
              head + "its second word does not name a trusted: or user: key");
    EXPECT_EQ(refusal("ecryptfs user:m 064 " + hex), head + "its third word is not the length 64");
    EXPECT_EQ(refusal("ecryptfs user:m 64 " + hex + "\n"), head + "its last word is not 226 hex digits");
    EXPECT_EQ(refusal("ecryptfs user:m 64 " + hex + "00"), head + "its last word is not 226 hex digits");
}

TEST_F(EncryptedKeyTest, TrustedMastersAreAnotherAuthenticatedWord) {
    const std::string text = compose_encrypted_key("trusted:default", master_, fekek_, Bytes(16));
    EXPECT_EQ(master_description_of(text), "trusted:default");
    EXPECT_TRUE(opens(text));
    EXPECT_FALSE(opens("ecryptfs user:default" + text.substr(text.find(" 64 "))));
}

TEST_F(EncryptedKeyTest, PartsOfAWrongFormAreAMistakeOfOurs) {
    const auto reason = [&](const std::string& master, const std::size_t key, const std::size_t iv) {
        return test::reason_of(
            [&] { static_cast<void>(compose_encrypted_key(master, master_, SecretBytes{key}, Bytes(iv))); });
    };
    EXPECT_EQ(reason("trusted:a b", 64, 16), Reason::internal);
    EXPECT_EQ(reason("trusted:a", 63, 16), Reason::internal);
    EXPECT_EQ(reason("trusted:a", 64, 15), Reason::internal);
}

} // namespace sealmount
