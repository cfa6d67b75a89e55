// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/passphrase.hpp"

#include "base/strict_json.hpp"
#include "unit/vectors.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace sealmount {

using test::secret;
using test::text_of;

namespace {

std::string refusal(const std::string& passphrase) {
    const Error error =
        test::error_of([&] { static_cast<void>(derive_fekek(secret(passphrase), content_salt)); });
    EXPECT_EQ(error.reason(), Reason::usage);
    return error.what();
}

} // namespace

TEST(PassphraseTest, MakesTheKeyThatEcryptfsUtilsMakes) {
    for (const Json& vector : test::vectors("vectors.json", "passphrase")) {
        const Fekek fekek = derive_fekek(secret(text_of(vector, "passphrase")), content_salt);
        EXPECT_EQ(to_hex(fekek.key.bytes()), text_of(vector, "fekek_hex"));
        EXPECT_EQ(fekek.signature, text_of(vector, "signature"));
    }
}

TEST(PassphraseTest, MakesTheFilenameKeyThatEcryptfsUtilsMakes) {
    for (const Json& vector : test::vectors("vectors.json", "passphrase")) {
        const Fekek fekek = derive_fekek(secret(text_of(vector, "passphrase")), filename_salt);
        EXPECT_EQ(to_hex(fekek.key.bytes()), text_of(vector, "filename_key_hex"));
        EXPECT_EQ(fekek.signature, text_of(vector, "filename_signature"));
    }
}

TEST(PassphraseTest, SignatureFollowsFromTheKeyAlone) {
    const Json vector = test::vectors("vectors.json", "passphrase").at(0);
    EXPECT_EQ(signature_of(test::secret_unhex(text_of(vector, "fekek_hex"))), text_of(vector, "signature"));
}

TEST(PassphraseTest, OneTo64BytesAreAccepted) {
    EXPECT_EQ(derive_fekek(secret("x"), content_salt).key.size(), 64U);
    EXPECT_EQ(derive_fekek(secret(std::string(64, 'x')), content_salt).key.size(), 64U);
}

TEST(PassphraseTest, EmptyIsRefused) {
    EXPECT_EQ(refusal(""), "the passphrase is empty");
}

TEST(PassphraseTest, LongerThan64BytesIsRefused) {
    EXPECT_EQ(refusal(std::string(65, 'x')),
              "the passphrase is longer than the 64 bytes that eCryptfs can use");
}

TEST(PassphraseTest, NulIsRefused) {
    EXPECT_EQ(refusal(std::string("a\0b", 3)),
              "the passphrase contains a NUL byte, which eCryptfs cannot use");
}

TEST(PassphraseTest, LeavesNoSecretBehind) {
    const std::size_t before = SecretBytes::alive();
    static_cast<void>(derive_fekek(secret("x"), content_salt));
    EXPECT_EQ(SecretBytes::alive(), before);
}

} // namespace sealmount
