// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/survey.hpp"

#include "base/strict_json.hpp"
#include "unit/vectors.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace sealmount {

using test::text_of;
using test::unhex;

class SurveyTest : public testing::Test {
  protected:
    const Json vectors_ = test::vectors("lower.json");
    const std::string aes16_name_ = text_of(vectors_.at("names").at(0), "name");
    const std::string aes24_name_ = text_of(vectors_.at("names").at(1), "name");
    const Bytes aes16_head_ = unhex(text_of(vectors_.at("heads").at(0), "hex"));
    const Bytes aes24_head_ = unhex(text_of(vectors_.at("heads").at(1), "hex"));
    const CipherFacts aes16_{.cipher = "aes", .key_bytes = 16};
    const std::set<std::string> content_ = {"7f475b5d20a645dc"};
    const std::set<std::string> names_ = {"c61563a65ef80ad1"};
};

TEST_F(SurveyTest, NothingIsEmpty) {
    EXPECT_TRUE(survey({}).empty());
}

TEST_F(SurveyTest, VolumeWithEncryptedNamesIsKnown) {
    const std::vector<FileSample> samples = {{.name = aes16_name_, .head = aes16_head_}};
    const Survey result = survey(samples);
    EXPECT_FALSE(result.empty());
    EXPECT_EQ(result.signatures, content_);
    EXPECT_EQ(result.filename_signatures, names_);
    EXPECT_EQ(result.cipher, aes16_);
    EXPECT_EQ(result.filename_cipher, aes16_);
    EXPECT_EQ(result.encrypted_files, 1U);
    EXPECT_EQ(result.plain_names, 0U);
    EXPECT_EQ(result.foreign_files, 0U);
    EXPECT_FALSE(result.mixed_ciphers);
}

TEST_F(SurveyTest, DirectoryNamesCountToo) {
    const std::vector<FileSample> samples = {
        {.name = std::filesystem::path{aes16_name_} / "x", .head = aes16_head_}};
    const Survey result = survey(samples);
    EXPECT_EQ(result.filename_signatures, names_);
    EXPECT_EQ(result.plain_names, 1U);
}

TEST_F(SurveyTest, PlainFilesAreForeign) {
    const std::vector<FileSample> samples = {{.name = "README", .head = unhex("68656c6c6f")}};
    const Survey result = survey(samples);
    EXPECT_TRUE(result.empty());
    EXPECT_EQ(result.foreign_files, 1U);
}

TEST_F(SurveyTest, EncryptedNameWithMetadataElsewhereIsNotForeign) {
    const std::vector<FileSample> samples = {{.name = aes16_name_, .head = {}}};
    const Survey result = survey(samples);
    EXPECT_FALSE(result.empty());
    EXPECT_EQ(result.encrypted_files, 0U);
    EXPECT_EQ(result.foreign_files, 0U);
}

TEST_F(SurveyTest, TwoCiphersAreMixed) {
    const std::vector<FileSample> samples = {{.name = "a", .head = aes16_head_},
                                             {.name = "b", .head = aes24_head_}};
    const Survey result = survey(samples);
    EXPECT_TRUE(result.mixed_ciphers);
    EXPECT_EQ(result.cipher, aes16_);
    EXPECT_EQ(result.plain_names, 2U);
}

TEST_F(SurveyTest, TwoNameCiphersAreMixed) {
    const std::vector<FileSample> samples = {{.name = aes16_name_, .head = {}},
                                             {.name = aes24_name_, .head = {}}};
    EXPECT_TRUE(survey(samples).mixed_ciphers);
}

} // namespace sealmount
