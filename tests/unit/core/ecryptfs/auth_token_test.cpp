// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/ecryptfs/auth_token.hpp"

#include "unit/vectors.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sealmount {

using test::text_of;
using ::testing::HasSubstr;

namespace {

class AuthTokenTest : public ::testing::Test {
  protected:
    void TearDown() override { EXPECT_EQ(SecretBytes::alive(), 0U); }

    const Json vector_ = test::vectors("vectors.json", "auth_token").front();
    const std::string signature_ = text_of(vector_, "signature");
    Bytes token_ = test::unhex(text_of(vector_, "payload_hex"));

    std::string refusal(const std::string& signature) {
        const Error error =
            test::error_of([&] { static_cast<void>(read_auth_token(SecretBytes{token_}, signature)); });
        EXPECT_EQ(error.reason(), Reason::bad_data);
        EXPECT_THAT(error.what(), HasSubstr(signature));
        return error.what();
    }
};

} // namespace

TEST_F(AuthTokenTest, HoldsTheKeyThatThePassphraseMakes) {
    const Fekek fekek = read_auth_token(SecretBytes{token_}, signature_);
    EXPECT_EQ(fekek.signature, signature_);
    EXPECT_TRUE(fekek.key.equals(
        derive_fekek(test::secret(text_of(vector_, "passphrase")), content_salt).key.bytes()));
}

TEST_F(AuthTokenTest, OfAnotherSizeIsNone) {
    token_.push_back(std::byte{0});
    EXPECT_THAT(refusal(signature_), HasSubstr("741 bytes instead of 740"));
    token_.resize(739);
    EXPECT_THAT(refusal(signature_), HasSubstr("739 bytes instead of 740"));
    token_.clear();
    EXPECT_THAT(refusal(signature_), HasSubstr("0 bytes instead of 740"));
}

TEST_F(AuthTokenTest, OfAnotherVersionIsNone) {
    token_[1] = std::byte{1};
    EXPECT_THAT(refusal(signature_), HasSubstr("version is 260 instead of 4"));
}

TEST_F(AuthTokenTest, OfAPrivateKeyIsNone) {
    token_[2] = std::byte{1};
    EXPECT_THAT(refusal(signature_), HasSubstr("token type is 1 instead of 0"));
}

TEST_F(AuthTokenTest, UnderAnotherNameIsRefused) {
    EXPECT_THAT(refusal("00005ea100005ea1"), HasSubstr("token of another key"));
}

TEST_F(AuthTokenTest, WithAnotherKeyInItIsRefused) {
    token_[0x288] ^= std::byte{1};
    EXPECT_THAT(refusal(signature_), HasSubstr("has the signature"));
}

} // namespace sealmount
