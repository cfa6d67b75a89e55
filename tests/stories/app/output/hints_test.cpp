// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "app/output/hints.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sealmount {

namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

TEST(HintsTest, EachAdviceHasASentenceWithItsFactsInPlace) {
    for (int kind = static_cast<int>(AdviceKind::none) + 1; kind <= static_cast<int>(last_advice); ++kind) {
        const std::string hint =
            hint_for({.kind = static_cast<AdviceKind>(kind), .subject = "SUBJECT", .other = "OTHER"});
        EXPECT_THAT(hint, Not(IsEmpty())) << kind;
        EXPECT_THAT(hint, Not(AnyOf(HasSubstr("{"), HasSubstr("}")))) << kind;
    }
}

TEST(HintsTest, NoAdviceLeavesTheMessageAlone) {
    EXPECT_EQ(with_hint(Problem{.message = "it is so"}), "it is so");
}

TEST(HintsTest, TheHintFollowsTheMessage) {
    const Error error{Reason::no_input,
                      "the master key \"default\" has no slot 3",
                      {.kind = AdviceKind::list_slots, .subject = "default"}};
    EXPECT_EQ(with_hint(error),
              "the master key \"default\" has no slot 3; 'sealmount slots default' lists them");
}

TEST(HintsTest, TheHintHasTheExactCommand) {
    const auto hint = [](const AdviceKind kind) { return hint_for({.kind = kind, .subject = "default"}); };
    EXPECT_THAT(hint(AdviceKind::add_user_key), HasSubstr("put it there with 'ecryptfs-add-passphrase'"));
    EXPECT_THAT(hint(AdviceKind::name_filename_key), HasSubstr("--filename-key SIG"));
    EXPECT_THAT(hint(AdviceKind::add_both_user_keys), HasSubstr("'ecryptfs-add-passphrase --fnek'"));
    EXPECT_THAT(hint(AdviceKind::reseal_with_recovery), HasSubstr("'sealmount reseal default --recover'"));
    EXPECT_THAT(hint(AdviceKind::reseal_onto_new_tpm),
                HasSubstr("'sealmount reseal default --recover --new-tpm'"));
    EXPECT_THAT(hint(AdviceKind::reseal_next_boot), HasSubstr("'sealmount reseal default --next-boot'"));
    EXPECT_THAT(hint(AdviceKind::suspend), HasSubstr("'sealmount suspend default'"));
    EXPECT_EQ(hint(AdviceKind::purge_user_key), "run 'keyctl purge user default'");
    EXPECT_THAT(hint(AdviceKind::give_phases), HasSubstr("--phases"));
    EXPECT_THAT(hint(AdviceKind::give_authority), HasSubstr("--authority"));
    EXPECT_THAT(hint(AdviceKind::give_database), HasSubstr("--variable db="));
    EXPECT_THAT(hint(AdviceKind::give_secure_boot), HasSubstr("--variable SecureBoot="));
    EXPECT_THAT(hint(AdviceKind::give_old_command_line), HasSubstr("--old-command-line"));
    EXPECT_THAT(hint(AdviceKind::give_new_digest), HasSubstr("--replace-digest"));
    EXPECT_THAT(hint(AdviceKind::give_filename_fekek), HasSubstr("--filename-fekek-file FILE"));
    EXPECT_THAT(hint(AdviceKind::give_filename_passphrase), HasSubstr("--filename-passphrase-file FILE"));
}

TEST(HintsTest, ACommandIsQuotedForAShellWhereThatIsNeeded) {
    EXPECT_EQ(hint_for({.kind = AdviceKind::stop_unit, .subject = "srv-vault.mount"}),
              "run 'systemctl stop srv-vault.mount' first");
    EXPECT_EQ(hint_for({.kind = AdviceKind::stop_unit, .subject = "srv-my\\x20vault.mount"}),
              "run \"systemctl stop 'srv-my\\x20vault.mount'\" first");
    EXPECT_EQ(hint_for({.kind = AdviceKind::guard_now, .subject = "/srv/it's"}),
              "while it is not mounted, run \"chattr +i '/srv/it'\\''s'\"");
}

} // namespace

} // namespace sealmount
