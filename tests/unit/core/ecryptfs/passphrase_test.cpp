// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/ecryptfs/passphrase.hpp"

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

TEST(PassphraseTest, ASaltIs16HexDigits) {
    EXPECT_EQ(parse_salt("0011223344556677"), content_salt);
    EXPECT_EQ(parse_salt("001122334455667"), std::nullopt);
    EXPECT_EQ(parse_salt("00112233445566778"), std::nullopt);
    EXPECT_EQ(parse_salt("001122334455667x"), std::nullopt);
    EXPECT_EQ(parse_salt(""), std::nullopt);
}

// What ecryptfs-add-passphrase of ecryptfs-utils 111 takes from such a file.
TEST(PassphraseTest, FindsTheSaltInAnRcFile) {
    const Salt salt = parse_salt("0102030405060708").value();
    for (const char* const text :
         {"salt=0102030405060708", "salt=0102030405060708\n", "verbosity=0,salt=0102030405060708\n",
          "verbosity=0\nsalt=0102030405060708\n", "#c\nsalt=0102030405060708\nsalt=1112131415161718\n"}) {
        EXPECT_EQ(salt_in_rc(text), salt) << text;
    }
    for (const char* const text : {"", "\n", "salt=", "salt=010203\n", " salt=0102030405060708\n",
                                   "salt = 0102030405060708\n", "fekek_salt=0102030405060708"}) {
        EXPECT_EQ(salt_in_rc(text), std::nullopt) << text;
    }
}

TEST(PassphraseTest, AnotherSaltMakesTheKeyThatEcryptfsUtilsMakes) {
    EXPECT_EQ(derive_fekek(secret("correct horse battery"), parse_salt("0102030405060708").value()).signature,
              "c4e8a643bd9e36f7");
}

TEST(PassphraseTest, GivesTheFirstKeyThatIsWanted) {
    const SecretBytes passphrase = secret("correct horse battery");
    EXPECT_EQ(derive_one_of(passphrase, names_own_salts, {"c61563a65ef80ad1"})->signature,
              "c61563a65ef80ad1");
    EXPECT_EQ(derive_one_of(passphrase, names_own_salts, {"c61563a65ef80ad1", "7f475b5d20a645dc"})->signature,
              "7f475b5d20a645dc");
    EXPECT_FALSE(derive_one_of(passphrase, names_own_salts, {"0000000000000000"}).has_value());
    EXPECT_FALSE(derive_one_of(passphrase, names_own_salts, {}).has_value());
}

TEST(PassphraseTest, LeavesNoSecretBehind) {
    const std::size_t before = SecretBytes::alive();
    static_cast<void>(derive_fekek(secret("x"), content_salt));
    EXPECT_EQ(SecretBytes::alive(), before);
}

} // namespace sealmount
