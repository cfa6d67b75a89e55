// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/ecryptfs/key_source.hpp"

#include "unit/vectors.hpp"

#include <gtest/gtest.h>

namespace sealmount {

using test::secret;

namespace {

const Salt other_salt = parse_salt("0102030405060708").value();
constexpr const char* passphrase_signature = "7f475b5d20a645dc";       // of "correct horse battery"
constexpr const char* other_salt_signature = "c4e8a643bd9e36f7";       // with other_salt
constexpr const char* passphrase_names_signature = "c61563a65ef80ad1"; // for names

PassphraseMeans with_salts(std::vector<Salt> salts) {
    PassphraseMeans means;
    means.salts = std::move(salts);
    return means;
}

} // namespace

class PassphraseSourceTest : public ::testing::Test {
  protected:
    SecretBytes passphrase = secret("correct horse battery");
    const std::string names_with_content_salt = derive_fekek(secret("for names"), content_salt).signature;
    const std::string names_with_filename_salt = derive_fekek(secret("for names"), filename_salt).signature;
};

TEST_F(PassphraseSourceTest, TakesTheSaltThatTheFilesAskFor) {
    PassphraseSource source{passphrase, with_salts({content_salt, other_salt})};
    EXPECT_EQ(source.content_key({other_salt_signature}).signature, other_salt_signature);
    EXPECT_EQ(source.salt(), other_salt);
}

TEST_F(PassphraseSourceTest, TakesTheFirstSaltForAnEmptyVolume) {
    PassphraseSource source{passphrase, with_salts({other_salt, content_salt})};
    EXPECT_EQ(source.content_key({}).signature, other_salt_signature);
    EXPECT_EQ(source.salt(), other_salt);
}

TEST_F(PassphraseSourceTest, GivesTheFirstKeyWhenNoneFits) {
    PassphraseSource source{passphrase, with_salts({content_salt, other_salt})};
    EXPECT_EQ(source.content_key({"0000000000000000"}).signature, passphrase_signature);
}

TEST_F(PassphraseSourceTest, NamesMayHaveAPassphraseOfTheirOwn) {
    for (const std::string& wanted : {names_with_content_salt, names_with_filename_salt}) {
        PassphraseMeans means;
        means.filename_passphrase = secret("for names");
        PassphraseSource source{passphrase, std::move(means)};
        const Fekek content = source.content_key({});
        EXPECT_EQ(source.filename_key(content, {wanted})->signature, wanted);
    }
}

TEST_F(PassphraseSourceTest, ItIsAskedForOnlyWhenTheNamesHaveAnotherKey) {
    int asked = 0;
    PassphraseMeans means;
    means.ask_filename_passphrase = [&asked] {
        ++asked;
        return std::optional{secret("for names")};
    };
    PassphraseSource source{passphrase, std::move(means)};
    const Fekek content = source.content_key({});
    EXPECT_FALSE(source.filename_key(content, {passphrase_signature}).has_value());
    EXPECT_EQ(source.filename_key(content, {passphrase_names_signature})->signature,
              passphrase_names_signature);
    EXPECT_EQ(source.filename_key(content, {})->signature, passphrase_names_signature);
    EXPECT_EQ(asked, 0);
    EXPECT_EQ(source.filename_key(content, {names_with_filename_salt})->signature, names_with_filename_salt);
    EXPECT_EQ(asked, 1);
}

TEST_F(PassphraseSourceTest, NobodyToAskMakesItsOwnKeyTheWrongOne) {
    PassphraseMeans means;
    means.ask_filename_passphrase = [] { return std::nullopt; };
    PassphraseSource source{passphrase, std::move(means)};
    EXPECT_EQ(source.filename_key(source.content_key({}), {"0000000000000000"})->signature,
              passphrase_names_signature);
}

TEST(FekekSourceTest, GivesTheKeysAsTheyAre) {
    const std::size_t before = SecretBytes::alive();
    {
        const SecretBytes passphrase = secret("correct horse battery");
        FekekSource source{derive_fekek(passphrase, content_salt).key,
                           derive_fekek(passphrase, filename_salt).key};
        const Fekek content = source.content_key({});
        EXPECT_EQ(content.signature, passphrase_signature);
        EXPECT_EQ(source.filename_key(content, {})->signature, passphrase_names_signature);
        EXPECT_EQ(source.salt(), std::nullopt);
    }
    EXPECT_EQ(SecretBytes::alive(), before);
}

TEST(FekekSourceTest, OneKeyServesForBoth) {
    FekekSource source{derive_fekek(secret("correct horse battery"), content_salt).key};
    const Fekek content = source.content_key({});
    EXPECT_FALSE(source.filename_key(content, {}).has_value());
    EXPECT_FALSE(source.filename_key(content, {passphrase_signature}).has_value());
    EXPECT_EQ(test::reason_of([&] { static_cast<void>(source.filename_key(content, {"0000000000000000"})); }),
              Reason::usage);
}

TEST(FekekSourceTest, AKeyHas64Bytes) {
    EXPECT_EQ(test::reason_of([] { FekekSource{SecretBytes{63}}; }), Reason::usage);
    EXPECT_EQ(test::reason_of([] { FekekSource(SecretBytes{64}, SecretBytes{65}); }), Reason::usage);
}

} // namespace sealmount
