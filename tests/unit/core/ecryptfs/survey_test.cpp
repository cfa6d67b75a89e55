// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/ecryptfs/survey.hpp"

#include "base/strict_json.hpp"
#include "unit/vectors.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace sealmount {

using test::text_of;
using test::unhex;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class SurveyTest : public testing::Test {
  protected:
    /// A file; `attribute` is what lies in user.ecryptfs.
    void add(const std::filesystem::path& name, const Bytes& head, const Bytes& attribute = {}) {
        FileSample sample;
        sample.name = name;
        sample.is_empty = head.empty();
        sample.head = head;
        sample.attribute = attribute;
        sample_.entries.push_back(sample);
    }
    void add(const std::filesystem::path& name, const EntryKind kind) {
        FileSample sample;
        sample.name = name;
        sample.kind = kind;
        sample_.entries.push_back(sample);
    }
    [[nodiscard]] Survey look() const { return survey(sample_); }
    [[nodiscard]] SurveyProblems judged() const { return judge("/srv/.x", look()); }
    /// The head of a file with another key in it.
    [[nodiscard]] static Bytes of_other_key(Bytes head) {
        head.back() = std::byte{0xff};
        return head;
    }

    const Json vectors_ = test::vectors("lower.json");
    const std::string aes16_name_ = text_of(vectors_.at("names").at(0), "name");
    const std::string aes24_name_ = text_of(vectors_.at("names").at(1), "name");
    const Bytes aes16_ = unhex(text_of(vectors_.at("heads").at(0), "hex"));
    const Bytes aes24_ = unhex(text_of(vectors_.at("heads").at(1), "hex"));
    const Bytes two_keys_ = unhex(text_of(vectors_.at("heads").at(9), "hex"));
    const Bytes text_ = unhex("68656c6c6f");
    const std::string content_ = "7f475b5d20a645dc";
    const std::string names_ = "c61563a65ef80ad1";
    TreeSample sample_;
};

TEST_F(SurveyTest, NothingIsEmpty) {
    EXPECT_TRUE(look().empty_of_keys());
    EXPECT_THAT(judged().problems, IsEmpty());
    EXPECT_THAT(judged().warnings, IsEmpty());
}

TEST_F(SurveyTest, VolumeWithEncryptedNamesIsKnown) {
    add(aes16_name_, aes16_);
    const Survey result = look();
    EXPECT_FALSE(result.empty_of_keys());
    EXPECT_THAT(result.openers(), ElementsAre(content_));
    EXPECT_EQ(result.filename_signatures, (std::map<std::string, Tally>{{names_, {1, aes16_name_}}}));
    EXPECT_EQ(result.main_cipher(), (CipherFacts{"aes", 16}));
    EXPECT_EQ(result.filename_ciphers.begin()->first, (CipherFacts{"aes", 16}));
    EXPECT_EQ(result.in_header, (Tally{1, aes16_name_}));
    EXPECT_EQ(result.plain_names.count, 0U);
    EXPECT_THAT(judged().problems, IsEmpty());
}

TEST_F(SurveyTest, NamesOfDirectoriesAndLinksCountToo) {
    add(aes16_name_, EntryKind::directory);
    add(aes16_name_ + "/" + aes16_name_, EntryKind::other);
    const Survey result = look();
    EXPECT_EQ(result.filename_signatures.at(names_).count, 2U);
    EXPECT_EQ(result.files, 0U);
    EXPECT_FALSE(result.empty_of_keys());
}

TEST_F(SurveyTest, MetadataInTheAttributeIsRead) {
    add("a", text_, aes16_);
    add("none", {}, aes16_);
    const Survey result = look();
    EXPECT_EQ(result.in_attribute, (Tally{2, "a"}));
    EXPECT_EQ(result.in_header.count, 0U);
    EXPECT_THAT(result.openers(), ElementsAre(content_));
    EXPECT_EQ(result.foreign.count, 0U);
    EXPECT_THAT(judged().warnings, IsEmpty());
}

TEST_F(SurveyTest, HeaderGoesBeforeTheAttribute) {
    add("a", aes24_, aes16_);
    EXPECT_EQ(look().in_header.count, 1U);
    EXPECT_EQ(look().main_cipher(), (CipherFacts{"aes", 24}));
}

TEST_F(SurveyTest, BothPlacesAreToldWithAnExampleEach) {
    add("a", aes16_);
    add("b", text_, aes16_);
    ASSERT_EQ(judged().warnings.size(), 1U);
    EXPECT_THAT(judged().warnings.front().message,
                HasSubstr("the metadata of 1 file, b, is in extended attributes"));
}

TEST_F(SurveyTest, EachFileIsCountedOnce) {
    Bytes damaged = aes16_;
    damaged.at(16) = std::byte{4};
    add("damaged", damaged);
    add("bad attribute", text_, text_);
    add("foreign", text_);
    add("new", Bytes{});
    add(aes16_name_, text_);
    add("good", aes16_);
    FileSample unreadable;
    unreadable.name = "unreadable";
    unreadable.is_readable = false;
    sample_.entries.push_back(unreadable);
    const Survey result = look();
    EXPECT_EQ(result.files, 7U);
    EXPECT_EQ(result.damaged, (Tally{2, "damaged"}));
    EXPECT_EQ(result.foreign, (Tally{1, "foreign"}));
    EXPECT_EQ(result.empty, (Tally{1, "new"}));
    EXPECT_EQ(result.headless, (Tally{1, aes16_name_}));
    EXPECT_EQ(result.unreadable, (Tally{1, "unreadable"}));
    EXPECT_EQ(result.encrypted_files(), 1U);
    EXPECT_THAT(judged().problems, IsEmpty());
    EXPECT_EQ(judged().warnings.size(), 5U) << "plain names, foreign, headless, damaged, unreadable";
}

TEST_F(SurveyTest, OnlyForeignFilesAreAProblem) {
    add("README", text_);
    EXPECT_TRUE(look().empty_of_keys());
    ASSERT_EQ(judged().problems.size(), 1U);
    EXPECT_THAT(judged().problems.front().message, HasSubstr("none that eCryptfs wrote (1 file, README)"));
}

TEST_F(SurveyTest, FilesOfTwoKeysAreAProblem) {
    add("a", aes16_);
    add("b", of_other_key(aes16_));
    add("c", of_other_key(aes16_));
    EXPECT_THAT(look().openers(), IsEmpty());
    ASSERT_EQ(judged().problems.size(), 1U);
    EXPECT_THAT(judged().problems.front().message,
                HasSubstr("7f475b5d20a645dc (1 file, a), 7f475b5d20a645ff (2 files, such as b)"));
}

TEST_F(SurveyTest, KeyThatOpensAllIsEnough) {
    add("a", two_keys_);
    EXPECT_THAT(look().openers(), ElementsAre(content_, names_));
    EXPECT_THAT(judged().problems, IsEmpty());
    EXPECT_THAT(judged().warnings.at(0).message,
                HasSubstr("any of the keys 7f475b5d20a645dc, c61563a65ef80ad1"));
    add("b", aes16_);
    EXPECT_THAT(look().openers(), ElementsAre(content_));
    EXPECT_THAT(judged().problems, IsEmpty());
}

TEST_F(SurveyTest, SeveralCiphersOpenAllTheSame) {
    add("a", aes24_);
    add("b", aes24_);
    add("c", aes16_);
    EXPECT_EQ(look().main_cipher(), (CipherFacts{"aes", 24}));
    EXPECT_THAT(judged().problems, IsEmpty());
    EXPECT_THAT(judged().warnings.at(0).message, HasSubstr("new files get aes with 24-byte keys"));
}

TEST_F(SurveyTest, SeveralCiphersOfNamesAreAProblem) {
    add(aes16_name_, aes16_);
    add(aes24_name_, aes16_);
    ASSERT_EQ(judged().problems.size(), 1U);
    EXPECT_THAT(judged().problems.front().message, HasSubstr("several ciphers or key sizes"));
}

TEST_F(SurveyTest, ExamplesArePrintable) {
    add("line\nend\x1b[2J\xff", text_);
    EXPECT_EQ(look().foreign.example, "line?end?[2J?");
}

} // namespace sealmount
