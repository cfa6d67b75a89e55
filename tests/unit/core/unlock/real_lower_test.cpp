// The survey of lower directories that Linux and ecryptfs-utils made (tests/vectors/lower/README.md).
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/ecryptfs/survey.hpp"
#include "core/unlock/rescue.hpp"
#include "sys/crypto/crypto.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <ostream>
#include <string>

namespace sealmount {

namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct RealLower {
    const char* directory;
    unsigned key_bytes;
    const char* filename_signature; ///< "" where names are plain
};

void PrintTo(const RealLower& real, std::ostream* out) {
    *out << real.directory;
}

class RealLowerTest : public ::testing::TestWithParam<RealLower> {
  protected:
    static Survey survey_of_real(const std::string& directory) {
        return survey_of(std::filesystem::path{SEALMOUNT_TEST_VECTORS} / "lower" / directory);
    }

    template<typename Fact>
    static std::vector<Fact> facts_in(const std::map<Fact, Tally>& seen) {
        std::vector<Fact> facts;
        for (const auto& entry : seen) {
            facts.push_back(entry.first);
        }
        return facts;
    }
};

TEST_P(RealLowerTest, KeyAndCipherAreDetected) {
    const RealLower& real = GetParam();
    const Survey found = survey_of_real(real.directory);
    EXPECT_THAT(found.openers(), ElementsAre("7f475b5d20a645dc"));
    EXPECT_THAT(facts_in(found.ciphers), ElementsAre(CipherFacts{"aes", real.key_bytes}));
    EXPECT_THAT(facts_in(found.versions), ElementsAre(3U));
    EXPECT_EQ(found.in_header.count, 3U);
    EXPECT_EQ(found.encrypted_files(), 3U);
    EXPECT_EQ(found.files, 3U);
    EXPECT_TRUE(found.is_complete);
    EXPECT_THAT(judge("/srv", found).problems, IsEmpty());
    EXPECT_THAT(judge("/srv", found).warnings, IsEmpty());
}

TEST_P(RealLowerTest, APassphraseAloneIsEnoughToMountIt) {
    const RealLower& real = GetParam();
    const auto top = std::filesystem::path{SEALMOUNT_TEST_VECTORS} / "lower" / real.directory;
    const Rescued rescued = rescue_by_passphrase(top, SecretBytes{as_bytes("correct horse battery")});
    EXPECT_EQ(rescued.volume.signature, "7f475b5d20a645dc");
    EXPECT_EQ(rescued.volume.cipher, "aes");
    EXPECT_EQ(rescued.volume.key_bytes, real.key_bytes);
    EXPECT_EQ(rescued.volume.filename_signature.value_or(""), real.filename_signature);
    EXPECT_EQ(rescued.keys.size(), rescued.volume.signatures().size());
    try {
        static_cast<void>(rescue_by_passphrase(top, SecretBytes{as_bytes("wrong horse battery")}));
        FAIL() << "another passphrase opened it";
    } catch (const Error& error) {
        EXPECT_THAT(error.what(), ::testing::AllOf(::testing::HasSubstr("7f475b5d20a645dc"),
                                                   ::testing::HasSubstr("this passphrase gives")));
    }
}

TEST_P(RealLowerTest, FileNameEncryptionIsDetected) {
    const RealLower& real = GetParam();
    const Survey found = survey_of_real(real.directory);
    if (std::string{real.filename_signature}.empty()) {
        EXPECT_THAT(found.filename_signatures, IsEmpty());
        EXPECT_EQ(found.plain_names.count, 3U);
        return;
    }
    EXPECT_THAT(facts_in(found.filename_signatures), ElementsAre(real.filename_signature));
    EXPECT_THAT(facts_in(found.filename_ciphers), ElementsAre(CipherFacts{"aes", real.key_bytes}));
    EXPECT_EQ(found.filename_signatures.begin()->second.count, 4U) << "three files and a directory";
    EXPECT_EQ(found.plain_names.count, 0U);
}

INSTANTIATE_TEST_SUITE_P(Directories, RealLowerTest,
                         ::testing::Values(RealLower{"aes32-plain", 32, ""}, RealLower{"aes16-plain", 16, ""},
                                           RealLower{"aes32-own-key", 32, "c61563a65ef80ad1"},
                                           RealLower{"aes16-content-key", 16, "7f475b5d20a645dc"}),
                         [](const auto& real) {
                             std::string name = real.param.directory;
                             std::ranges::replace(name, '-', '_');
                             return name;
                         });

} // namespace

} // namespace sealmount
