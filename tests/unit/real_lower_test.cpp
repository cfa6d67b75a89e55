// The survey of lower directories that Linux and ecryptfs-utils made (tests/vectors/lower/README.md).
//
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/rescue.hpp"
#include "core/survey.hpp"
#include "sys/crypto.hpp"

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
    static Survey survey_of(const std::string& directory) {
        const auto top = std::filesystem::path{SEALMOUNT_TEST_VECTORS} / "lower" / directory;
        return survey(sample_tree(top, 100, lower_header_size));
    }
};

TEST_P(RealLowerTest, KeyAndCipherAreDetected) {
    const RealLower& real = GetParam();
    const Survey found = survey_of(real.directory);
    EXPECT_THAT(found.signatures, ElementsAre("7f475b5d20a645dc"));
    EXPECT_EQ(found.cipher, (CipherFacts{"aes", real.key_bytes}));
    EXPECT_EQ(found.encrypted_files, 3U);
    EXPECT_EQ(found.foreign_files, 0U);
    EXPECT_FALSE(found.mixed_ciphers);
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
    const Survey found = survey_of(real.directory);
    if (std::string{real.filename_signature}.empty()) {
        EXPECT_THAT(found.filename_signatures, IsEmpty());
        EXPECT_GT(found.plain_names, 0U);
        return;
    }
    EXPECT_THAT(found.filename_signatures, ElementsAre(real.filename_signature));
    EXPECT_EQ(found.filename_cipher, (CipherFacts{"aes", real.key_bytes}));
    EXPECT_EQ(found.plain_names, 0U);
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
