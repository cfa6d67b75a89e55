// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "base/hex.hpp"
#include "core/slots/rotate.hpp"
#include "core/slots/suspend.hpp"
#include "stories/fake_machine.hpp"
#include "sys/crypto/crypto.hpp"

#include <gmock/gmock.h>

namespace sealmount::testing {

namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class SlotsTest : public FakeMachine {
  protected:
    void SetUp() override { enroll("vault", vault_passphrase); }

    SlotContext context() {
        return {.machine = machine, .store = store, .ask_pin = [this] {
                    return pin ? std::optional{secret(*pin)} : std::nullopt;
                }};
    }

    static Policy pcrs(const std::string_view text) {
        Policy policy;
        policy.pcrs = parse_pcr_values(text);
        return policy;
    }

    Resealed add(const Policy& policy, const bool replace = false) {
        OpenMaster master = open_master(context(), "default");
        const Resealed added = reseal(
            context(), master,
            {.bound = context().bound(*master.tpm, policy).front(), .new_pin = nullptr, .note = "test"});
        if (replace) {
            removed = keep_only(context(), master, {added.slot});
        }
        return added;
    }

    /// What PCR 7 holds after it was extended with this, from the start.
    std::string value_after(const std::string_view data) {
        const PolicyDigest start{};
        const auto digest = sha256({as_bytes(data)});
        return to_hex(sha256({start, digest}));
    }

    void expect_slot(const unsigned slot) {
        const auto unlocked = load("vault");
        ASSERT_TRUE(unlocked);
        EXPECT_EQ(unlocked->method, UnlockMethod::tpm);
        EXPECT_EQ(unlocked->slot, slot);
    }

    void expect_refused_because(const std::string& reason) {
        reported.refusals.clear();
        ASSERT_FALSE(load("vault"));
        ASSERT_EQ(reported.refusals.size(), 1U);
        std::string lines;
        for (const SlotRefusal& slot : reported.refusals[0].slots) {
            for (const Problem& line : lines_about(slot)) {
                lines += line.message + "\n";
            }
        }
        EXPECT_THAT(lines, HasSubstr(reason));
    }

    std::vector<unsigned> slots() const {
        std::vector<unsigned> ids;
        for (const Slot& slot : store.master("default").slots) {
            ids.push_back(slot.id);
        }
        return ids;
    }

    std::optional<std::string> pin;
    std::vector<unsigned> removed;
};

TEST_F(SlotsTest, AComingStateIsSealedAndTheOldOneStillOpens) {
    const Resealed added = add(pcrs("7:sha256=" + value_after("new firmware")));
    EXPECT_TRUE(added.is_new);
    EXPECT_EQ(added.proof, SlotProof::loaded);
    reboot();
    expect_slot(1);
    reboot();
    chip.extend(7, "new firmware");
    expect_slot(2);
}

TEST_F(SlotsTest, ThePresentStateIsProvedByOpeningIt) {
    const Resealed added = add(pcrs("4+7"));
    EXPECT_EQ(added.proof, SlotProof::unsealed);
    EXPECT_EQ(added.slot, 2U);
}

TEST_F(SlotsTest, TheSamePolicyMakesNoSecondSlot) {
    const auto before = tree();
    const Resealed again = add(pcrs("7"));
    EXPECT_FALSE(again.is_new);
    EXPECT_EQ(again.slot, 1U);
    EXPECT_EQ(tree(), before);
}

TEST_F(SlotsTest, ReplacingLeavesTheNewSlotAlone) {
    add(pcrs("4+7"), true);
    EXPECT_THAT(removed, ElementsAre(1U));
    EXPECT_THAT(slots(), ElementsAre(2U));
    reboot();
    expect_slot(2);
}

TEST_F(SlotsTest, ABankThatTheTpmLacksIsRefusedBeforeAnythingIsWritten) {
    const auto before = tree();
    EXPECT_THROW(add(pcrs("7:sha1")), Error);
    EXPECT_EQ(tree(), before);
}

TEST_F(SlotsTest, AMasterKeyThatTheTpmDoesNotReleaseIsNotTouched) {
    const auto before = tree();
    chip.extend(7, "tampering");
    try {
        add(pcrs("7"));
        FAIL() << "was resealed";
    } catch (const Error& error) {
        EXPECT_EQ(error.reason(), Reason::refused);
        EXPECT_THAT(error.what(), HasSubstr("slot 1: PCR 7"));
        EXPECT_EQ(error.advice(), (Advice{.kind = AdviceKind::reseal_with_recovery, .subject = "default"}));
    }
    EXPECT_EQ(tree(), before);
}

TEST_F(SlotsTest, FaultsWhileResealingLeaveTheOldOrTheNewFile) {
    for (unsigned commands = 0;; ++commands) {
        const auto before = tree();
        chip.fail_after(commands);
        try {
            add(pcrs("4+7"));
            chip.fail_after(1000);
            break;
        } catch (const Error&) {
            chip.fail_after(1000);
            EXPECT_EQ(tree(), before) << commands;
        }
        EXPECT_EQ(chip.open_sessions(), 0U) << commands;
    }
    EXPECT_THAT(slots(), ElementsAre(1U, 2U));
}

TEST_F(SlotsTest, PruningDropsWhatFitsNeitherNowNorInAStatedFuture) {
    add(pcrs("7:sha256=" + value_after("one")));
    add(pcrs("7:sha256=" + value_after("two")));
    const std::vector<std::map<PcrBank, PcrValues>> future = {
        {{PcrBank::sha256, {{7, *from_hex(value_after("two"))}}}}};
    EXPECT_THAT(prune(context(), "default", {.slots = {}, .future = future}), ElementsAre(2U));
    EXPECT_THAT(slots(), ElementsAre(1U, 3U));
    EXPECT_THAT(prune(context(), "default", {}), ElementsAre(3U));
    EXPECT_THAT(prune(context(), "default", {}), IsEmpty());
}

TEST_F(SlotsTest, PruningNeverTakesTheLastSlotThatOpens) {
    add(pcrs("7:sha256=" + value_after("one")));
    const auto before = tree();
    EXPECT_THROW(prune(context(), "default", {.slots = {1}, .future = {}}), Error);
    EXPECT_EQ(tree(), before);
    EXPECT_THAT(prune(context(), "default", {.slots = {1}, .future = {}, .keep_none_open = true}),
                ElementsAre(1U));
}

TEST_F(SlotsTest, ASuspensionOpensWhateverChangedAndIsOverAfterwards) {
    {
        OpenMaster master = open_master(context(), "default");
        EXPECT_EQ(suspend(context(), master, 1, {}).slot, 2U);
    }
    const auto copy = store.master("default");
    EXPECT_THAT(resume(context(), "default", true).kept, ElementsAre(2U)) << "this boot did not need it";

    reboot();
    chip.extend(7, "new firmware");
    expect_slot(2);
    EXPECT_THAT(load("vault")->weakness, IsEmpty()) << "loaded already";
    const Resumed resumed = resume(context(), "default", true);
    EXPECT_THAT(resumed.added, ElementsAre(3U));
    EXPECT_THAT(resumed.removed, ElementsAre(2U));

    reboot();
    chip.extend(7, "new firmware");
    expect_slot(3);
    EXPECT_THAT(resume(context(), "default", true).removed, IsEmpty());

    store.write_master("default", copy);
    reboot();
    chip.extend(7, "new firmware");
    expect_refused_because("it was made for boots that are over");
}

TEST_F(SlotsTest, ASuspensionDoesNotOutliveSleep) {
    {
        OpenMaster master = open_master(context(), "default");
        suspend(context(), master, 1, {});
    }
    reboot();
    chip.extend(7, "new firmware");
    chip.suspend(); // the count of resets stands still
    expect_refused_because("the machine has been suspended since it was switched on");
}

TEST_F(SlotsTest, ASuspensionOfAnOldReleaseStillOpens) {
    Policy old;
    old.last_boot = 2;
    add(old);
    EXPECT_EQ(tree()["etc/sealmount/masters/default.json"].find("not_after_sleep"), std::string::npos);
    reboot();
    chip.extend(7, "new firmware");
    chip.suspend();
    expect_slot(2);
}

TEST_F(SlotsTest, ASlotIsNotBelievedBeyondWhatItsObjectIsSealedTo) {
    MasterFile edited = store.master("default");
    edited.slots.front().policy = pcrs("16:sha256=" + std::string(64, '0'));
    store.write_master("default", edited);
    reboot();
    expect_refused_because("its object is sealed to another policy than the file says");
    EXPECT_EQ(reported.refusals.front().kind, RefusalKind::files_unusable);
    EXPECT_THROW(static_cast<void>(open_master(context(), "default")), Error);
    const auto key = random_secret(32);
    const auto tpm = opener.open(TpmAccess::managed).value();
    const auto proved = [&] {
        static_cast<void>(
            prove_slot(*tpm, context().request_for(edited), edited.slots.front(), key, machine.backoff));
    };
    EXPECT_THROW(proved(), Error);
}

TEST_F(SlotsTest, NoSlotIsMadeLikeOneThatIsNotWhatTheFileSays) {
    add(pcrs("4+7"));
    change_master([](MasterFile& file) {
        file.slots.back().policy = pcrs("16:sha256=" + std::string(64, '0'));
        EXPECT_EQ(lasting_kinds(file).size(), 1U);
    });
    EXPECT_THAT(rotate(context(), open_master(context(), "default"), nullptr).left_out, ElementsAre(2U));
    EXPECT_THAT(slots(), ElementsAre(1U));
}

TEST_F(SlotsTest, SomebodyInBetweenGetsNothingOfARotation) {
    unsigned refused = 0;
    for (unsigned true_answers = 0;; ++true_answers) {
        chip.interpose_after(true_answers);
        const auto before = tree();
        try {
            rotate(context(), open_master(context(), "default"), nullptr);
            break;
        } catch (const Error&) {
            EXPECT_EQ(tree(), before) << true_answers;
            ++refused;
        }
    }
    chip.end_interposing();
    EXPECT_GT(refused, 2U);
    EXPECT_GE(chip.foreign_keys(), refused - 1) << "before anything was sent under it";
    expect_slot(1);
}

TEST_F(SlotsTest, ASuspensionThatNothingNeededGoesWhenItsBootsAreOver) {
    {
        OpenMaster master = open_master(context(), "default");
        suspend(context(), master, 1, {});
    }
    reboot();
    EXPECT_THAT(resume(context(), "default", true).removed, ElementsAre(2U));
    EXPECT_THAT(slots(), ElementsAre(1U));
}

TEST_F(SlotsTest, SuspendingAgainReplacesTheSuspension) {
    OpenMaster master = open_master(context(), "default");
    suspend(context(), master, 1, {});
    EXPECT_THAT(suspend(context(), master, 3, {}).removed, ElementsAre(2U));
    EXPECT_THAT(slots(), ElementsAre(1U, 3U));
}

TEST_F(SlotsTest, ASuspensionMayKeepSomePcrs) {
    {
        OpenMaster master = open_master(context(), "default");
        suspend(context(), master, 1, pcrs("4"));
    }
    reboot();
    chip.extend(7, "new firmware");
    chip.extend(4, "another boot loader");
    expect_refused_because("slot 2: PCR 4");
}

TEST_F(SlotsTest, ABootWindowClosesTheTpmUntilTheNextBoot) {
    Policy policy = pcrs("7");
    policy.boot_window = std::chrono::seconds{60};
    add(policy, true);
    reboot();
    expect_slot(2);
    unload("vault");
    chip.pass(std::chrono::seconds{60});
    expect_refused_because("its boot window of 60 s is over");
    reboot();
    chip.suspend();
    expect_refused_because("the machine has been suspended");
    reboot();
    expect_slot(2);
}

TEST_F(SlotsTest, KeysThatAreKeptNeedNoSecondUnseal) {
    EnrollRequest kept = request("kept");
    kept.volume.keep_keys = true;
    enroll(kept, "a passphrase that is kept");
    reboot();
    ASSERT_TRUE(load("kept"));
    unload("kept");
    const unsigned before = chip.commands();
    EXPECT_EQ(load("kept")->method, UnlockMethod::already_loaded);
    EXPECT_EQ(chip.commands(), before);
    reboot();
}

TEST_F(SlotsTest, AnEmptyPolicyOpensInAnyStateAndIsCalledWeak) {
    add(Policy{}, true);
    reboot();
    chip.extend(7, "anything");
    const auto unlocked = load("vault");
    ASSERT_TRUE(unlocked);
    EXPECT_EQ(unlocked->slot, 2U);
    EXPECT_THAT(unlocked->weakness, HasSubstr("empty"));
}

TEST_F(SlotsTest, AWeakSlotIsReportedInTheUserFormToo) {
    add(Policy{}, true);
    reboot();
    keyring.set_trusted_masters(false);
    const auto unlocked = load("vault");
    keyring.set_trusted_masters(true);
    ASSERT_TRUE(unlocked);
    EXPECT_EQ(unlocked->form, MasterForm::user);
    EXPECT_THAT(unlocked->weakness, HasSubstr("empty"));
}

class PinTest : public SlotsTest {
  protected:
    void SetUp() override {
        SlotsTest::SetUp();
        const SecretBytes new_pin = secret("1234");
        Policy policy = pcrs("7");
        policy.pin = true;
        OpenMaster master = open_master(context(), "default");
        reseal(context(), master,
               {.bound = context().bound(*master.tpm, policy).front(), .new_pin = &new_pin, .note = "test"});
        keep_only(context(), master, {2});
        reboot();
    }
    void TearDown() override {
        EXPECT_EQ(chip.failed_tries(), wrong_pins);
        chip.forgive();
        SlotsTest::TearDown();
    }
    /// Slot 3, made by somebody who gave the PIN once.
    void suspend_with_pin() {
        pin = "1234";
        OpenMaster master = open_master(context(), "default");
        suspend(context(), master, 1, {});
        pin.reset();
    }
    unsigned wrong_pins = 0;
};

TEST_F(PinTest, ThePinIsAskedForAndOpens) {
    prompt.answer("1234");
    expect_slot(2);
    ASSERT_EQ(prompt.questions().size(), 1U);
    EXPECT_THAT(prompt.questions()[0].text, HasSubstr("PIN of the master key default"));
}

TEST_F(PinTest, ASuspensionEndsThoughNothingAskedForThePin) {
    suspend_with_pin();
    const Resumed resumed = resume(context(), "default", false);
    EXPECT_THAT(resumed.removed, ElementsAre(3U)) << "the slot with the PIN fits";
    EXPECT_THAT(resumed.unbound, IsEmpty());
    EXPECT_THAT(slots(), ElementsAre(2U));
}

TEST_F(PinTest, AfterAChangeItsSlotIsMadeAgainWithThePinThatWasGiven) {
    suspend_with_pin();
    reboot();
    chip.extend(7, "new firmware");
    pin = "1234";
    EXPECT_THROW(resume(context(), "default", true), Error) << "nobody is asked, and nothing else would open";
    EXPECT_THAT(slots(), ElementsAre(2U, 3U));
    const Resumed resumed = resume(context(), "default", false);
    EXPECT_THAT(resumed.added, ElementsAre(4U));
    EXPECT_THAT(resumed.removed, ElementsAre(3U));
    EXPECT_TRUE(store.master("default").slots.back().policy.pin);
    EXPECT_EQ(open_master(context(), "default").slot, 4U);
}

TEST_F(PinTest, AMistypedPinMakesNoSlot) {
    pin = "1234";
    add(pcrs("7"));
    const auto before = tree();
    pin = "4321";
    EXPECT_THROW(rotate(context(), open_master(context(), "default"), nullptr), Error);
    wrong_pins = 1;
    EXPECT_EQ(tree(), before);
    pin = "1234";
    EXPECT_THAT(rotate(context(), open_master(context(), "default"), nullptr).left_out, IsEmpty());
    EXPECT_THAT(slots(), ElementsAre(2U, 3U));
    EXPECT_TRUE(store.master("default").slots.front().policy.pin);
    pin.reset();
    EXPECT_THAT(rotate(context(), open_master(context(), "default"), nullptr).left_out, ElementsAre(2U))
        << "nobody gave it";
}

TEST_F(PinTest, AWrongPinIsReportedAndAskedForAgain) {
    prompt.answer("4321");
    prompt.answer("1234");
    expect_slot(2);
    EXPECT_THAT(reported.pin_tries_left, ElementsAre(2U));
    wrong_pins = 1;
}

TEST_F(PinTest, OneThatIsTooLongCostsNoTryOfTheTpms) {
    prompt.answer("123456789012345678901");
    prompt.answer("1234");
    expect_slot(2);
}

TEST_F(PinTest, AnEmptyAnswerLeadsToThePassphrase) {
    prompt.answer("");
    prompt.answer(std::string{vault_passphrase});
    EXPECT_EQ(load("vault")->method, UnlockMethod::passphrase);
    EXPECT_EQ(prompt.questions().size(), 2U);
}

TEST_F(PinTest, InTheUserFormItWorksAsWell) {
    keyring.set_trusted_type(false);
    prompt.answer("4321");
    prompt.answer("1234");
    expect_slot(2);
    wrong_pins = 1;
}

TEST_F(PinTest, ASlotWithAPinIsOpenedForAResealWithIt) {
    EXPECT_THROW(add(pcrs("4")), Error);
    pin = "1234";
    EXPECT_EQ(add(pcrs("4")).slot, 3U);
}

} // namespace

} // namespace sealmount::testing
