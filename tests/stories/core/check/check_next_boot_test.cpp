// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/check/check_next_boot.hpp"
#include "core/slots/suspend.hpp"
#include "stories/fake_machine.hpp"

#include <gmock/gmock.h>

namespace sealmount::testing {

namespace {

using ::testing::HasSubstr;

class NextBootTest : public FakeMachine {
  protected:
    void SetUp() override { enroll("vault", vault_passphrase); }

    SlotContext context() { return {.machine = machine, .store = store}; }

    void add(const Policy& policy) {
        OpenMaster master = open_master(context(), "default");
        const auto bound = context().bound(*master.tpm, policy).front();
        reseal(context(), master, {.bound = bound, .new_pin = nullptr, .note = "test"});
    }

    /// PCRs stay as they are, but for those of `changes`, and none is known of `unknown`.
    Prediction prediction(Tpm& tpm, const PcrSelection selection, const std::optional<unsigned> other) const {
        Prediction next;
        for (const auto& [pcr, value] : tpm.read_pcrs(selection).values) {
            next.emplace(pcr, value);
            if (changed == pcr || other == pcr) {
                next.at(pcr) = Bytes(32, std::byte{0xab});
            }
            if (unknown == pcr) {
                next.at(pcr) = std::unexpected{Problem{.message = "nobody knows"}};
            }
        }
        return next;
    }

    std::vector<Finding> look_at_all() {
        return check_next_boot(
            {.machine = machine, .store = store, .is_this_machine = false}, std::nullopt,
            [this](Tpm& tpm, const PcrSelection selection) {
                std::vector<NextPcrState> states{
                    {.origin = "as it is now", .values = prediction(tpm, selection, std::nullopt)}};
                if (changed_later) {
                    states.push_back(
                        {.origin = "as GRUB leaves it", .values = prediction(tpm, selection, changed_later)});
                }
                return states;
            });
    }

    Finding look() {
        const auto findings = look_at_all();
        return findings.size() == 1 ? findings.front() : Finding{};
    }

    std::optional<unsigned> changed;
    std::optional<unsigned> unknown;
    std::optional<unsigned> changed_later; ///< in a state of its own
};

TEST_F(NextBootTest, TheSameStateOpens) {
    const Finding finding = look();
    EXPECT_EQ(finding.severity, Severity::good);
    EXPECT_EQ(finding.about, "master default");
}

TEST_F(NextBootTest, AnotherStateDoesNotAndResealFixesIt) {
    changed = 7;
    const Finding finding = look();
    EXPECT_EQ(finding.severity, Severity::bad);
    EXPECT_THAT(finding.text, HasSubstr("PCR 7"));
    EXPECT_EQ(finding.fix, (Advice{.kind = AdviceKind::reseal_next_boot, .subject = "default"}));
}

TEST_F(NextBootTest, WhatCannotBePredictedIsBadUnlessASlotDoesWithoutIt) {
    unknown = 7;
    const Finding finding = look();
    EXPECT_EQ(finding.severity, Severity::bad);
    EXPECT_THAT(finding.text, HasSubstr("PCR 7 cannot be predicted: nobody knows"));
    EXPECT_EQ(finding.fix, (Advice{.kind = AdviceKind::suspend, .subject = "default"}));
    Policy other;
    other.pcrs = parse_pcr_values("4");
    add(other);
    EXPECT_EQ(look().severity, Severity::good);
}

TEST_F(NextBootTest, AStateThatALaterBootMayFindIsAWarning) {
    changed_later = 7;
    const auto findings = look_at_all();
    ASSERT_EQ(findings.size(), 2U);
    EXPECT_EQ(findings[0].severity, Severity::good);
    EXPECT_EQ(findings[1].severity, Severity::warning);
    EXPECT_EQ(findings[1].item, "later-boot");
    EXPECT_THAT(findings[1].text, HasSubstr("with grubenv as GRUB leaves it, no slot will open"));
    EXPECT_EQ(findings[1].fix, (Advice{.kind = AdviceKind::reseal_next_boot, .subject = "default"}));
    EXPECT_EQ(outcome_of(findings), Outcome::all_open);
    changed = 7;
    EXPECT_EQ(look().severity, Severity::bad);
}

TEST_F(NextBootTest, ASuspensionCoversOnlyTheBootsItWasMadeFor) {
    changed = 7;
    OpenMaster master = open_master(context(), "default");
    suspend(context(), master, 1, {});
    master.tpm.reset();
    EXPECT_EQ(look().severity, Severity::good);
    reboot();
    EXPECT_EQ(look().severity, Severity::bad);
}

} // namespace

} // namespace sealmount::testing
