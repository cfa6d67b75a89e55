// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/prompt/signing.hpp"

#include "sys/tpm/public_key.hpp"
#include "unit/vectors.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

namespace sealmount {

using test::message_of;
using test::reason_of;

namespace {

const std::string vector_directory = SEALMOUNT_TEST_VECTORS;

class Answers final : public Prompt {
  public:
    explicit Answers(std::string answer) : answer_(std::move(answer)) {}
    std::expected<SecretBytes, Refusal> ask(const std::string& text, const std::string&, std::chrono::seconds,
                                            const Withdrawal*) override {
        asked.push_back(text);
        if (answer_.empty()) {
            return std::unexpected{Refusal{RefusalKind::no_prompt, {}}};
        }
        return SecretBytes{as_bytes(answer_)};
    }
    std::vector<std::string> asked;

  private:
    std::string answer_;
};

/// A key under the passphrase "open sesame", made by the openssl program.
std::string protected_key() {
    return vector_directory + "/protected-key.pem";
}

} // namespace

TEST(SigningTest, SignatureVerifiesWithThePublicKeyOnly) {
    for (const char* const name : {"/systemd-measure/key.pem", "/ecc-key.pem"}) {
        Answers nobody{""};
        const SigningKey key{vector_directory + name, nobody};
        const Bytes public_key = key.public_key().value();
        const Bytes signature = key.sign(as_bytes("data"));
        EXPECT_TRUE(verifies(public_key, as_bytes("data"), signature));
        EXPECT_FALSE(verifies(public_key, as_bytes("other"), signature));
        EXPECT_FALSE(verifies(public_key, as_bytes("data"), {}));
        EXPECT_TRUE(nobody.asked.empty());
    }
}

TEST(SigningTest, UriOpensTheSameKey) {
    Answers nobody{""};
    const std::string file = vector_directory + "/systemd-measure/key.pem";
    EXPECT_EQ(SigningKey("file:" + std::filesystem::canonical(file).string(), nobody).public_key(),
              SigningKey(file, nobody).public_key());
}

TEST(SigningTest, PassphraseIsAskedForOnce) {
    for (const std::string& place : {protected_key(), "file:" + protected_key()}) {
        Answers right{"open sesame"};
        EXPECT_TRUE(SigningKey(place, right).public_key());
        EXPECT_EQ(right.asked, std::vector{"Passphrase of " + place + ":"});
        Answers wrong{"open barley"};
        EXPECT_EQ(message_of([&] { SigningKey(place, wrong); }),
                  place + ": the passphrase does not open the private key");
        EXPECT_EQ(wrong.asked.size(), 1U);
        Answers nobody{""};
        EXPECT_EQ(reason_of([&] { SigningKey(place, nobody); }), Reason::refused);
    }
    EXPECT_EQ(SecretBytes::alive(), 0U);
}

TEST(SigningTest, WhatIsNoKeyIsRefused) {
    Answers nobody{""};
    EXPECT_EQ(reason_of([&] { SigningKey("/nonexistent/key.pem", nobody); }), Reason::no_input);
    EXPECT_EQ(reason_of([&] { SigningKey("nosuchscheme:key", nobody); }), Reason::config);
    const std::string public_only = vector_directory + "/systemd-measure/public.pem";
    EXPECT_EQ(message_of([&] { SigningKey(public_only, nobody); }),
              public_only + ": does not hold a private key in PEM form (\"BEGIN PRIVATE KEY\")");
}

} // namespace sealmount
