// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/check/check.hpp"
#include "core/check/status.hpp"
#include "core/slots/slots.hpp"
#include "stories/fake_machine.hpp"

#include <gmock/gmock.h>

namespace sealmount::testing {

namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// What a check and a status of the same machine find. Not of this one's kernel, units and mounts.
class CheckTest : public FakeMachine {
  protected:
    void SetUp() override { enroll("vault", vault_passphrase); }

    std::vector<Finding> bad_findings() {
        std::vector<Finding> findings =
            check({.machine = machine, .store = store, .is_this_machine = false}, std::nullopt);
        std::erase_if(findings, [](const Finding& finding) { return finding.severity != Severity::bad; });
        return findings;
    }

    Status status() { return status_of(store, machine, std::nullopt); }

    /// Both find this one problem with the volume's key, in the same words.
    void expect_key_problem(const std::string& message, const AdviceKind fix) {
        const auto findings = bad_findings();
        ASSERT_EQ(findings.size(), 1U);
        EXPECT_EQ(findings.front().about, "volume vault");
        EXPECT_EQ(findings.front().item, "key");
        EXPECT_THAT(findings.front().text, HasSubstr(message));
        EXPECT_EQ(findings.front().fix.kind, fix);
        const Status now = status();
        EXPECT_FALSE(now.is_well());
        ASSERT_EQ(now.volumes.size(), 1U);
        EXPECT_THAT(now.volumes.front().problems,
                    ElementsAre(Problem{.message = findings.front().text, .advice = findings.front().fix}));
    }
};

TEST_F(CheckTest, AWholeMachineIsGoodAndWell) {
    EXPECT_THAT(bad_findings(), IsEmpty());
    const Status now = status();
    EXPECT_TRUE(now.is_well());
    ASSERT_EQ(now.masters.size(), 1U);
    EXPECT_TRUE(now.masters.front().opens_now());
    EXPECT_THAT(now.masters.front().fitting_slots, ElementsAre(1U));
}

TEST_F(CheckTest, AMissingKeyFileIsTheSameProblemToBoth) {
    std::filesystem::remove(store.paths().key(vault_signature));
    expect_key_problem("7f475b5d20a645dc.key: is missing", AdviceKind::restore_key);
}

TEST_F(CheckTest, AKeyUnderAnotherMasterIsTheSameProblemToBoth) {
    store.write_key(vault_signature, "ecryptfs trusted:other 64 " + std::string(226, '0'));
    expect_key_problem("7f475b5d20a645dc.key: is under trusted:other", AdviceKind::fix_master_name);
}

TEST_F(CheckTest, AChangedPcrIsFoundByBothAndIsNoProblemOfTheFiles) {
    chip.extend(7, "another boot chain");
    const auto findings = bad_findings();
    ASSERT_EQ(findings.size(), 1U);
    EXPECT_EQ(findings.front().about, "master default");
    EXPECT_EQ(findings.front().item, "policy");
    EXPECT_THAT(findings.front().text, HasSubstr("slot 1: PCR 7"));
    EXPECT_EQ(findings.front().fix, (Advice{.kind = AdviceKind::reseal_if_known, .subject = "default"}));
    const Status now = status();
    EXPECT_TRUE(now.is_well());
    EXPECT_FALSE(now.masters.front().opens_now());
    EXPECT_EQ(now.masters.front().refusal.kind, RefusalKind::policy_mismatch);
}

TEST_F(CheckTest, APinIsNothingThatARecoveryWouldMend) {
    const SlotContext slots{.machine = machine, .store = store};
    const SecretBytes pin = secret("1234");
    Policy policy;
    policy.pcrs = parse_pcr_values("7");
    policy.pin = true;
    {
        OpenMaster master = open_master(slots, "default");
        const auto bound = slots.bound(*master.tpm, policy);
        keep_only(slots, master, {reseal(slots, master, {.bound = bound.front(), .new_pin = &pin}).slot});
    }
    const auto findings = bad_findings();
    ASSERT_EQ(findings.size(), 1U);
    EXPECT_THAT(findings.front().text, HasSubstr("with its PIN"));
    EXPECT_EQ(findings.front().fix.kind, AdviceKind::none);
    try {
        static_cast<void>(open_master(slots, "default"));
        ADD_FAILURE() << "it opened without the PIN";
    } catch (const Error& error) {
        EXPECT_EQ(error.advice().kind, AdviceKind::give_pin);
    }
}

TEST_F(CheckTest, AnotherTpmIsFoundByBoth) {
    chip.clear();
    chip.make_srk();
    const auto findings = bad_findings();
    ASSERT_FALSE(findings.empty());
    EXPECT_EQ(findings.back().item, "unseal");
    EXPECT_EQ(status().masters.front().refusal.kind, RefusalKind::srk_changed);
}

TEST_F(CheckTest, AnEvictedStorageRootKeyIsAWarningAndChangesNothing) {
    chip.evict_srk();
    EXPECT_THAT(bad_findings(), IsEmpty());
    const auto findings = check({.machine = machine, .store = store, .is_this_machine = false}, std::nullopt);
    EXPECT_THAT(findings,
                Contains(AllOf(
                    Field(&Finding::item, "srk"), Field(&Finding::severity, Severity::warning),
                    Field(&Finding::fix, (Advice{.kind = AdviceKind::persist_srk, .subject = "default"})))));
    EXPECT_TRUE(status().masters.front().opens_now());
    EXPECT_FALSE(chip.has_srk()) << "a check only looks";
}

TEST_F(CheckTest, ALockedStorageRootKeyIsItsOwnSentence) {
    chip.lock_srk(true);
    const auto findings = bad_findings();
    ASSERT_EQ(findings.size(), 1U);
    EXPECT_THAT(findings.front().text, HasSubstr("has an authorization value"));
    EXPECT_EQ(findings.front().fix.kind, AdviceKind::evict_locked_srk);
    chip.lock_srk(false);
    chip.evict_srk();
    EXPECT_THAT(bad_findings(), IsEmpty()) << "the advice helps";
}

TEST_F(CheckTest, ADisabledHierarchyIsItsOwnSentence) {
    chip.disable_storage(true);
    const auto findings = bad_findings();
    ASSERT_EQ(findings.size(), 1U);
    EXPECT_THAT(findings.front().text, HasSubstr("storage hierarchy is disabled"));
    EXPECT_EQ(findings.front().fix.kind, AdviceKind::enable_storage);
    EXPECT_EQ(status().masters.front().refusal.kind, RefusalKind::storage_disabled);
}

TEST_F(CheckTest, WhatMayNotBeReadIsUnknownAndOnlyRightsAreAdvised) {
    const Finding finding = failed_look("master default", "file", Error{Reason::refused, "default.json: no"},
                                        {.kind = AdviceKind::restore_store});
    EXPECT_EQ(finding.severity, Severity::unknown);
    EXPECT_EQ(finding.fix.kind, AdviceKind::run_as_root);
    EXPECT_EQ(outcome_of({finding}), Outcome::unknown);
    EXPECT_TRUE(lacks_rights({finding}));
}

TEST_F(CheckTest, AUserKeyInTheWayIsAProblemOfTheVolume) {
    keyring.add_user_key(std::string{vault_signature});
    EXPECT_THAT(status().volumes.front().problems,
                ElementsAre(Field(&Problem::advice, (Advice{.kind = AdviceKind::purge_user_key,
                                                            .subject = std::string{vault_signature}}))));
}

TEST_F(CheckTest, WithoutATpmTheCheckSaysSoOnce) {
    opener.set_absent(true);
    const auto findings = bad_findings();
    ASSERT_EQ(findings.size(), 1U);
    EXPECT_EQ(findings.front().about, "tpm");
    EXPECT_EQ(findings.front().fix.kind, AdviceKind::switch_on_tpm);
    EXPECT_EQ(outcome_of(findings), Outcome::not_all_open);
    EXPECT_EQ(status().masters.front().refusal.kind, RefusalKind::no_tpm);
}

TEST_F(CheckTest, AnotherLowerDirectoryIsBad) {
    store.write_manifest(
        manifest_with_ground(store.manifest_text(), "vault",
                             {.uuid = "0b5c1a5e-0000-4000-8000-000000000001", .inode = 1, .empty = false}));
    const auto findings = bad_findings();
    ASSERT_EQ(findings.size(), 1U);
    EXPECT_EQ(findings.front().item, "ground");
    EXPECT_THAT(findings.front().text, HasSubstr("/srv/.vault is another directory"));
    EXPECT_EQ(findings.front().fix, (Advice{.kind = AdviceKind::restore_ground, .subject = "vault"}));
}

TEST_F(CheckTest, VolumesThatOverlapAreBad) {
    enroll("notes", "another passphrase");
    std::filesystem::remove(root / "srv/.notes");
    std::filesystem::create_directory_symlink(".vault", root / "srv/.notes");
    auto text = store.manifest_text();
    for (std::size_t at = text.find(",\n      \"ground\""); at != std::string::npos;
         at = text.find(",\n      \"ground\"")) {
        text.erase(at, text.find('}', at) + 1 - at);
    }
    store.write_manifest(text);
    const auto findings = bad_findings();
    ASSERT_EQ(findings.size(), 2U);
    EXPECT_EQ(findings.front().item, "overlap");
    EXPECT_THAT(findings.front().text, HasSubstr("the lower directory of the volume \"notes\" already"));
}

} // namespace

} // namespace sealmount::testing
