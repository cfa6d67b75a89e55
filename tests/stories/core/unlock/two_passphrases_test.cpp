// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/ecryptfs/key_source.hpp"
#include "stories/fake_machine.hpp"

#include <gmock/gmock.h>

namespace sealmount::testing {

namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::string_view names_passphrase = "for names only";

/// A volume whose file names have a passphrase of their own, and another salt than the usual one.
class TwoPassphrasesTest : public FakeMachine {
  protected:
    void SetUp() override {
        EnrollRequest vault = request("vault");
        vault.filename_encryption = true;
        const EnrollContext context{.machine = machine, .store = store};
        EnrollDraft draft = prepare_enrollment(context, vault);
        const SecretBytes passphrase = secret(vault_passphrase);
        PassphraseMeans means;
        means.salts = {parse_salt("0102030405060708").value()};
        means.filename_passphrase = secret(names_passphrase);
        PassphraseSource source{passphrase, std::move(means)};
        static_cast<void>(sealmount::enroll(context, draft, source));
        reboot();
        chip.extend(7, "another boot chain");
    }

    void expect_open() { EXPECT_THAT(keyring.volume_keys(), SizeIs(2)); }

    std::vector<std::string> asked() {
        std::vector<std::string> texts;
        for (const auto& question : prompt.questions()) {
            texts.push_back(question.text);
        }
        return texts;
    }
};

TEST_F(TwoPassphrasesTest, TheSaltIsInTheManifest) {
    EXPECT_EQ(store.volume("vault").salt, "0102030405060708");
}

TEST_F(TwoPassphrasesTest, TheSecondIsAskedForOnceTheFirstIsRight) {
    prompt.answer(std::string{vault_passphrase});
    prompt.answer(std::string{names_passphrase});
    ASSERT_TRUE(load("vault"));
    expect_open();
    EXPECT_THAT(asked(), ElementsAre(HasSubstr("Passphrase of the eCryptfs volume vault"),
                                     HasSubstr("Passphrase of the file names of the eCryptfs volume vault")));
    EXPECT_THAT(reported.tries_left, IsEmpty());
}

TEST_F(TwoPassphrasesTest, TheirOrderDoesNotMatter) {
    prompt.answer(std::string{names_passphrase});
    prompt.answer(std::string{vault_passphrase});
    ASSERT_TRUE(load("vault"));
    expect_open();
    EXPECT_THAT(asked(), ElementsAre(HasSubstr("Passphrase of the eCryptfs volume vault"),
                                     HasSubstr("Passphrase of the file contents of")));
}

TEST_F(TwoPassphrasesTest, EachMayBeTypedWrongTwice) {
    for (const std::string_view right : {vault_passphrase, names_passphrase}) {
        prompt.answer("wrong");
        prompt.answer("wrong again");
        prompt.answer(std::string{right});
    }
    ASSERT_TRUE(load("vault"));
    expect_open();
    EXPECT_THAT(reported.tries_left, ElementsAre(2, 1, 2, 1));
}

TEST_F(TwoPassphrasesTest, HalfOfThemLoadsNothing) {
    prompt.answer(std::string{vault_passphrase});
    for (int i = 0; i < 3; ++i) {
        prompt.answer("wrong");
    }
    const auto unlocked = load("vault");
    ASSERT_FALSE(unlocked);
    EXPECT_EQ(unlocked.error().kind, RefusalKind::passphrase_wrong);
    EXPECT_THAT(keyring.volume_keys(), IsEmpty());
}

TEST_F(TwoPassphrasesTest, BothFromCredentialsLeaveNothingToBeTyped) {
    credential = std::string{vault_passphrase};
    filename_credential = std::string{names_passphrase};
    ASSERT_TRUE(load("vault"));
    expect_open();
    EXPECT_THAT(asked(), IsEmpty());
    EXPECT_EQ(reported.wrong_credentials, 0U);
}

TEST_F(TwoPassphrasesTest, OneFromTheCredentialLeavesTheOtherToBeTyped) {
    credential = std::string{vault_passphrase};
    prompt.answer(std::string{names_passphrase});
    ASSERT_TRUE(load("vault"));
    expect_open();
    EXPECT_THAT(asked(), ElementsAre(HasSubstr("Passphrase of the file names")));
    EXPECT_EQ(reported.wrong_credentials, 0U);
}

} // namespace

} // namespace sealmount::testing
