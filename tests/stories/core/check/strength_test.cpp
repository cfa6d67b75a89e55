// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "app/output/strength_report.hpp"
#include "core/check/strength.hpp"
#include "core/slots/slots.hpp"
#include "core/slots/suspend.hpp"
#include "stories/fake_machine.hpp"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include <algorithm>

namespace sealmount::testing {

namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

class StrengthTest : public FakeMachine {
  protected:
    void SetUp() override {
        chip.extend(7, "Secure Boot is on");
        enroll("vault", vault_passphrase);
        facts.root_protection = [] { return DiskProtection::open; };
        facts.secure_boot = [] { return std::optional{true}; };
        facts.tpm_bus_encryption = [] { return false; };
    }

    [[nodiscard]] CheckContext check_context() const {
        return {.machine = machine, .store = store, .is_this_machine = is_this_machine, .facts = facts};
    }
    [[nodiscard]] AttackerStrength strength(const Attacker attacker) const {
        const auto masters = strength_of(check_context(), std::nullopt);
        EXPECT_EQ(masters.size(), 1U);
        return masters.front().attackers.at(static_cast<std::size_t>(attacker));
    }
    [[nodiscard]] Gain gain(const Attacker attacker) const { return strength(attacker).gain(); }
    [[nodiscard]] bool has(const Attacker attacker, const StrengthReason reason) const {
        return std::ranges::any_of(strength(attacker).points,
                                   [&](const StrengthPoint& point) { return point.reason == reason; });
    }

    SlotContext context() { return {.machine = machine, .store = store}; }
    /// Nothing but a slot of this policy.
    void replace_by(const Policy& policy) {
        OpenMaster master = open_master(context(), "default");
        const auto bound = context().bound(*master.tpm, policy).front();
        const SecretBytes pin = secret("4711");
        const Resealed made = reseal(
            context(), master, {.bound = bound, .new_pin = policy.pin ? &pin : nullptr, .note = "test"});
        static_cast<void>(keep_only(context(), master, {made.slot}));
    }
    void replace_by(const std::string& pcrs, const bool pin = false) {
        Policy policy;
        policy.pcrs = parse_pcr_values(pcrs);
        policy.pin = pin;
        replace_by(policy);
    }

    MachineFacts facts;
    bool is_this_machine = true;
};

TEST_F(StrengthTest, TheDefaultIsWhatTheReadmeSays) {
    EXPECT_EQ(gain(Attacker::disk_thief), Gain::nothing);
    EXPECT_EQ(gain(Attacker::live_stick), Gain::key);
    EXPECT_TRUE(has(Attacker::live_stick, StrengthReason::slot_opens_vendor));
    EXPECT_EQ(strength(Attacker::live_stick).points.front().raise,
              (Advice{.kind = AdviceKind::bind_to_boot, .subject = "default", .other = "4+7+9"}));
    EXPECT_EQ(gain(Attacker::hour_alone), Gain::key);
    EXPECT_EQ(gain(Attacker::on_the_bus), Gain::key);
    EXPECT_TRUE(has(Attacker::on_the_bus, StrengthReason::kernel_unseals_in_clear));
    EXPECT_TRUE(has(Attacker::on_the_bus, StrengthReason::measured_by_hand));
    EXPECT_EQ(gain(Attacker::other_user), Gain::nothing);
    EXPECT_EQ(gain(Attacker::old_copy), Gain::nothing);
}

TEST_F(StrengthTest, CheckAndStrengthSayThatTheVendorGetsTheKey) {
    const auto tpm = *opener.open(TpmAccess::managed);
    std::vector<Finding> findings;
    check_reach(check_context(), "default", store.master("default"), *tpm, findings);
    ASSERT_EQ(findings.size(), 1U);
    EXPECT_EQ(findings.front().severity, Severity::warning);
    const char* const sentence =
        "whoever boots any system signed by the same vendor on this machine gets the key";
    EXPECT_THAT(findings.front().text, HasSubstr(sentence));
    EXPECT_THAT(strength_lines(strength_of(check_context(), std::nullopt)), Contains(HasSubstr(sentence)));
    replace_by("4+7+9");
    findings.clear();
    check_reach(check_context(), "default", store.master("default"), *tpm, findings);
    EXPECT_TRUE(findings.empty());
}

TEST_F(StrengthTest, AMeasuredSystemIsNotThatOfALiveStick) {
    chip.extend(4, "boot loader and kernel");
    replace_by("4+7+9");
    EXPECT_EQ(gain(Attacker::live_stick), Gain::nothing);
    EXPECT_EQ(gain(Attacker::hour_alone), Gain::key) << "the root file system is open";
    facts.root_protection = [] { return DiskProtection::encrypted; };
    EXPECT_EQ(gain(Attacker::hour_alone), Gain::nothing);
    facts.root_protection = [] { return DiskProtection::unknown; };
    EXPECT_EQ(gain(Attacker::hour_alone), Gain::unknown);
    chip.extend(8, "GRUB's commands");
    EXPECT_EQ(gain(Attacker::live_stick), Gain::unknown);
    EXPECT_EQ(strength(Attacker::live_stick).points.front().raise.other, "4+7+8+9");
}

TEST_F(StrengthTest, TheWeakestSlotCounts) {
    OpenMaster master = open_master(context(), "default");
    Policy policy;
    policy.pcrs = parse_pcr_values("4+7+9");
    const auto bound = context().bound(*master.tpm, policy).front();
    reseal(context(), master, {.bound = bound, .new_pin = nullptr, .note = "test"});
    EXPECT_EQ(strength(Attacker::live_stick).points.size(), 2U);
    EXPECT_EQ(gain(Attacker::live_stick), Gain::key);
}

TEST_F(StrengthTest, ASuspensionCountsWhileItLasts) {
    replace_by("4+7+9");
    OpenMaster master = open_master(context(), "default");
    suspend(context(), master, 1, {});
    EXPECT_EQ(gain(Attacker::live_stick), Gain::key);
    EXPECT_TRUE(has(Attacker::live_stick, StrengthReason::slot_opens_anything));
    chip.reboot();
    chip.reboot();
    EXPECT_EQ(strength(Attacker::live_stick).points.size(), 1U);
}

TEST_F(StrengthTest, APinIsRequiredOfAll) {
    replace_by("7", true);
    EXPECT_EQ(gain(Attacker::live_stick), Gain::nothing);
    EXPECT_TRUE(has(Attacker::live_stick, StrengthReason::slot_has_pin));
    EXPECT_FALSE(has(Attacker::on_the_bus, StrengthReason::measured_by_hand));
    EXPECT_TRUE(has(Attacker::on_the_bus, StrengthReason::pin_crosses_in_clear));
    EXPECT_EQ(gain(Attacker::on_the_bus), Gain::key) << "the kernel gets it in the clear";
    keyring.set_trusted_type(false);
    EXPECT_EQ(gain(Attacker::on_the_bus), Gain::nothing);
    EXPECT_TRUE(has(Attacker::on_the_bus, StrengthReason::program_unseals));
}

TEST_F(StrengthTest, NothingIsPromisedOfAKernelThatEncryptsTheBus) {
    replace_by("7", true);
    facts.tpm_bus_encryption = [] { return true; };
    EXPECT_EQ(gain(Attacker::on_the_bus), Gain::unknown);
}

TEST_F(StrengthTest, OfAnotherRootNothingIsKnownOfTheMachine) {
    is_this_machine = false;
    EXPECT_EQ(gain(Attacker::live_stick), Gain::key);
    EXPECT_TRUE(has(Attacker::hour_alone, StrengthReason::root_is_unknown));
    EXPECT_TRUE(has(Attacker::on_the_bus, StrengthReason::unseal_is_unknown));
}

TEST_F(StrengthTest, WhoCannotBeAskedKnowsNothing) {
    facts.root_protection = []() -> DiskProtection { throw Error{Reason::os, "no table of mounts"}; };
    facts.secure_boot = []() -> std::optional<bool> { throw Error{Reason::os, "no variables"}; };
    EXPECT_TRUE(has(Attacker::hour_alone, StrengthReason::root_is_unknown));
    EXPECT_TRUE(has(Attacker::live_stick, StrengthReason::slot_opens_vendor));
}

TEST_F(StrengthTest, AFileThatOthersCanReadIsNamed) {
    std::filesystem::permissions(store.paths().master("default"), std::filesystem::perms::group_read,
                                 std::filesystem::perm_options::add);
    EXPECT_EQ(gain(Attacker::other_user), Gain::unknown);
    EXPECT_EQ(strength(Attacker::other_user).points.front().subject,
              store.paths().master("default").string());
}

TEST_F(StrengthTest, AnObjectThatIsNotWhatTheFileSaysIsUnknown) {
    MasterFile file = store.master("default");
    file.slots.front().policy.pcrs =
        parse_pcr_values("4:sha256=" + std::string(64, '0') + "+9:sha256=" + std::string(64, '0'));
    store.write_master("default", file);
    EXPECT_EQ(gain(Attacker::live_stick), Gain::unknown);
    EXPECT_TRUE(has(Attacker::live_stick, StrengthReason::slot_is_false));
}

TEST_F(StrengthTest, AMasterFileThatCannotBeReadIsSaid) {
    std::filesystem::remove(store.paths().master("default"));
    const auto masters = strength_of(check_context(), std::nullopt);
    ASSERT_EQ(masters.size(), 1U);
    EXPECT_TRUE(masters.front().failure);
    EXPECT_THAT(strength_lines(masters), Contains(HasSubstr("not known")));
    EXPECT_TRUE(strength_json(masters)["masters"][0]["failure"].is_string());
}

TEST_F(StrengthTest, JsonHasEachAttackerOnce) {
    const auto json = strength_json(strength_of(check_context(), "vault"));
    std::vector<std::string> names;
    for (const auto& attacker : json["masters"][0]["attackers"]) {
        names.push_back(attacker["attacker"].get<std::string>());
        EXPECT_THAT((std::vector<std::string>{"nothing", "unknown", "key"}),
                    Contains(attacker["gets"].get<std::string>()));
        EXPECT_FALSE(attacker["reasons"].empty());
    }
    EXPECT_EQ(names, (std::vector<std::string>{"disk-thief", "live-stick", "hour-alone", "on-the-bus",
                                               "other-user", "old-copy"}));
}

} // namespace

} // namespace sealmount::testing
