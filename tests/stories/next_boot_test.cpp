// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/check_next_boot.hpp"
#include "core/suspend.hpp"
#include "machine.hpp"

#include <gmock/gmock.h>

namespace sealmount::testing {

namespace {

using ::testing::HasSubstr;

class NextBootTest : public Machine {
  protected:
    void SetUp() override { enroll("vault", vault_passphrase); }

    SlotWorld world() {
        return {store, opener, [this](unsigned) { ++pauses; }, [] { return std::nullopt; }, {}};
    }

    void add(const Policy& policy) {
        OpenMaster master = open_master(world(), "default");
        const auto bound = world().bound(*master.tpm, policy).front();
        reseal(world(), master, {.bound = bound, .new_pin = nullptr, .note = "test"});
    }

    /// PCRs stay as they are, but for those of `changes`, and none is known of `unknown`.
    Finding look() {
        const auto findings =
            check_next_boot({store, opener, keyring, [this](unsigned) { ++pauses; }, false}, std::nullopt,
                            [this](Tpm& tpm, const PcrSelection selection) {
                                Prediction next;
                                for (const auto& [pcr, value] : tpm.read_pcrs(selection).values) {
                                    next.emplace(pcr, value);
                                    if (changed == pcr) {
                                        next.at(pcr) = Bytes(32, std::byte{0xab});
                                    }
                                    if (unknown == pcr) {
                                        next.at(pcr) = std::unexpected{"nobody knows"};
                                    }
                                }
                                return next;
                            });
        return findings.size() == 1 ? findings.front() : Finding{};
    }

    std::optional<unsigned> changed;
    std::optional<unsigned> unknown;
};

TEST_F(NextBootTest, TheSameStateOpens) {
    const Finding finding = look();
    EXPECT_EQ(finding.verdict, Verdict::good);
    EXPECT_EQ(finding.about, "master default");
}

TEST_F(NextBootTest, AnotherStateDoesNotAndResealMendsIt) {
    changed = 7;
    const Finding finding = look();
    EXPECT_EQ(finding.verdict, Verdict::bad);
    EXPECT_THAT(finding.words, HasSubstr("PCR 7"));
    EXPECT_THAT(finding.mend, HasSubstr("reseal default --next-boot"));
}

TEST_F(NextBootTest, WhatCannotBePredictedIsBadUnlessASlotDoesWithoutIt) {
    unknown = 7;
    const Finding finding = look();
    EXPECT_EQ(finding.verdict, Verdict::bad);
    EXPECT_THAT(finding.words, HasSubstr("PCR 7 cannot be predicted: nobody knows"));
    EXPECT_THAT(finding.mend, HasSubstr("sealmount suspend default"));
    Policy other;
    other.pcrs = parse_pcr_values("4");
    add(other);
    EXPECT_EQ(look().verdict, Verdict::good);
}

TEST_F(NextBootTest, ASuspensionCoversOnlyTheBootsItWasMadeFor) {
    changed = 7;
    OpenMaster master = open_master(world(), "default");
    suspend(world(), master, 1, {});
    master.tpm.reset();
    EXPECT_EQ(look().verdict, Verdict::good);
    reboot();
    EXPECT_EQ(look().verdict, Verdict::bad);
}

} // namespace

} // namespace sealmount::testing
