// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/check/check.hpp"
#include "core/ecryptfs/encrypted_key.hpp"
#include "core/slots/rebind.hpp"
#include "core/slots/recovery.hpp"
#include "core/slots/rotate.hpp"
#include "core/slots/suspend.hpp"
#include "core/store/store_check.hpp"
#include "core/unlock/rescue.hpp"
#include "core/unlock/volume_keys.hpp"
#include "stories/fake_machine.hpp"
#include "sys/crypto/crypto.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <fstream>
#include <random>
#include <set>

namespace sealmount::testing {

namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr std::string_view store_notes_passphrase = "another passphrase";
constexpr std::string_view new_boot_chain = "new boot chain";

/// Somebody who can write every file of the store, and can have the TPM seal what he likes; who has not the
/// master key of the volumes. In both forms of that.
class StoreAttack : public FakeMachine, public ::testing::WithParamInterface<MasterForm> {
  protected:
    void SetUp() override {
        keyring.set_trusted_type(GetParam() == MasterForm::trusted);
        EnrollRequest vault = request("vault");
        vault.volume.rebind_after_recovery = true;
        enroll(vault, vault_passphrase);
        enroll("notes", store_notes_passphrase);
    }

    void TearDown() override {
        his = {};
        FakeMachine::TearDown();
    }

    SlotContext context() { return {.machine = machine, .store = store}; }

    [[nodiscard]] std::string signature(const std::string& name) const {
        return store.volume(name).signature;
    }

    static Policy pcrs(const std::string_view text) {
        Policy policy;
        policy.pcrs = parse_pcr_values(text);
        return policy;
    }
    /// PCR 16, which anybody can reset.
    static Policy debug_pcr() { return pcrs("16:sha256=" + std::string(64, '0')); }

    MasterFile file() const { return store.master("default"); }
    /// What is written, as it is.
    void plant(const MasterFile& planted) { store.write_master("default", planted); }

    SecretBytes master_key() { return open_master(context(), "default").key; }

    /// His own master key, sealed to the present state by the machine's TPM.
    Slot his_slot(const unsigned id) {
        const auto tpm = open_managed_tpm(opener, machine.backoff);
        const Policy policy = bind_to_present_values(store.policy_files())(*tpm, pcrs("7")).front().policy;
        return seal_slot(*tpm, tpm->srk_name().value(), his, nullptr,
                         {.id = id, .policy = policy, .sealed = {}, .created = now_rfc3339(), .note = ""});
    }
    [[nodiscard]] std::string his_text(const std::string& of, const SecretBytes& fekek) const {
        return compose_encrypted_key("trusted:default", his, fekek, bound_vector(of));
    }

    /// The store as sealmount 0.1 wrote it: no proof, and vectors that say nothing.
    void make_old() {
        const SecretBytes key = master_key();
        for (const auto& [name, text] : texts_under(store, "default")) {
            store.write_key(name, compose_encrypted_key("trusted:default", key, open_encrypted_key(text, key),
                                                        random_bytes(16)));
        }
        plant(without_proof(file()));
    }
    static MasterFile without_proof(MasterFile stripped) {
        stripped.seal.clear();
        stripped.key_proofs.clear();
        stripped.may_rebind = false;
        for (RecoverySlot& slot : stripped.recovery) {
            slot.proof.clear();
        }
        return stripped;
    }
    /// With a slot that claims to be bound to PCR 16, and a suspension that is over.
    static MasterFile with_planted_kinds(MasterFile planted) {
        Slot debug = planted.slots.front();
        debug.id = planted.next_id();
        debug.policy = debug_pcr();
        planted.slots.push_back(debug);
        Slot suspension = planted.slots.front();
        suspension.id = planted.next_id();
        suspension.policy = {};
        suspension.policy.last_boot = 0;
        planted.slots.push_back(suspension);
        return planted;
    }

    void expect_refused_at_boot(const std::string& why) {
        reboot();
        reported.refusals.clear();
        ASSERT_FALSE(load("vault"));
        ASSERT_EQ(reported.refusals.size(), 1U);
        EXPECT_EQ(reported.refusals[0].kind, RefusalKind::store_changed) << with_detail(reported.refusals[0]);
        EXPECT_THAT(with_detail(reported.refusals[0]), HasSubstr(why));
        EXPECT_THAT(keyring.volume_keys(), IsEmpty());
    }

    /// No verb seals anything, and nothing is written.
    void expect_refused_by_verbs(const std::string& why) {
        const auto before = tree();
        const auto seals = chip.seals().size();
        const auto refused = [&](const auto& verb) {
            try {
                verb();
                ADD_FAILURE() << "it was not refused";
            } catch (const Error& error) {
                EXPECT_THAT(error.what(), HasSubstr(why));
            }
        };
        refused([&] { static_cast<void>(open_master(context(), "default")); });
        refused([&] { static_cast<void>(prune(context(), "default", {.slots = {1}, .future = {}})); });
        refused([&] { enroll("more", "a third passphrase"); });
        if (std::ranges::any_of(file().slots, is_suspension)) {
            refused([&] { static_cast<void>(resume(context(), "default", true)); });
        }
        EXPECT_EQ(tree(), before);
        EXPECT_EQ(chip.seals().size(), seals);
    }

    std::vector<std::string> findings(const Severity severity) {
        std::vector<std::string> texts;
        for (const Finding& finding :
             check({.machine = machine, .store = store, .is_this_machine = false}, std::nullopt)) {
            if (finding.severity == severity) {
                texts.push_back(finding.text);
            }
        }
        return texts;
    }

    SecretBytes his = random_secret(master_key_size);
};

INSTANTIATE_TEST_SUITE_P(BothForms, StoreAttack, ::testing::Values(MasterForm::trusted, MasterForm::user),
                         [](const auto& entry) { return std::string{to_string(entry.param)}; });

TEST_P(StoreAttack, WhatIsWrittenOpensAndIsProved) {
    reboot();
    EXPECT_EQ(load("vault")->method, UnlockMethod::tpm);
    EXPECT_EQ(load("notes")->method, UnlockMethod::already_loaded);
    EXPECT_TRUE(file().is_sealed());
    EXPECT_EQ(file().key_proofs.size(), 2U);
    EXPECT_THAT(findings(Severity::bad), IsEmpty());
}

TEST_P(StoreAttack, AnEditedFileIsRefused) {
    plant(with_planted_kinds(file()));
    expect_refused_by_verbs("its proof fails");
    expect_refused_at_boot("masters/default.json is not as it was written");
    EXPECT_THAT(findings(Severity::bad), Contains(HasSubstr("its proof fails")));
}

TEST_P(StoreAttack, EveryMemberCounts) {
    const MasterFile good = file();
    const auto edits = std::vector<std::function<void(MasterFile&)>>{
        [](MasterFile& m) { m.srk_name.back() ^= std::byte{1}; },
        [](MasterFile& m) { m.slots.front().note += "x"; },
        [](MasterFile& m) { m.slots.front().id = 9; },
        [](MasterFile& m) { m.slots.front().created = "2020-01-01T00:00:00Z"; },
        [](MasterFile& m) { m.slots.front().is_unproven = true; },
        [](MasterFile& m) { m.may_rebind = !m.may_rebind; },
        [](MasterFile& m) { m.key_proofs.begin()->second.front() ^= std::byte{1}; },
        [](MasterFile& m) { m.seal[m.seal.rfind(' ') + 1] = m.seal.ends_with('0') ? '1' : '0'; },
    };
    for (std::size_t i = 0; i < edits.size(); ++i) {
        MasterFile edited = good;
        edits[i](edited);
        if (edited == good) {
            continue;
        }
        plant(edited);
        EXPECT_THROW(static_cast<void>(open_master(context(), "default")), Error) << i;
    }
    plant(good);
    EXPECT_NO_THROW(static_cast<void>(open_master(context(), "default")));
}

TEST_P(StoreAttack, AFileWithoutItsProofIsNoOldFile) {
    plant(with_planted_kinds(without_proof(file())));
    expect_refused_by_verbs("has no proof, and keys/");
    expect_refused_at_boot("has no proof, and keys/");
}

TEST_P(StoreAttack, WhereOnlyTheKeyToBeLoadedIsOldTheOthersShowIt) {
    make_old();
    const std::string old_text = store.key(signature("vault"));
    const MasterFile old_file = file();
    static_cast<void>(open_master(context(), "default")); // upgrades it
    store.write_key(signature("vault"), old_text);
    plant(old_file);
    expect_refused_by_verbs("has no proof, and keys/");
    expect_refused_at_boot("has no proof, and keys/");
}

TEST_P(StoreAttack, AnOldKeyUnderAnewFileIsRefused) {
    make_old();
    const std::string old_text = store.key(signature("vault"));
    static_cast<void>(open_master(context(), "default"));
    store.write_key(signature("vault"), old_text);
    expect_refused_by_verbs("it is older, or another key's");
    expect_refused_at_boot("it is older, or another key's");
}

TEST_P(StoreAttack, KeysThatWereSwappedAreRefused) {
    store.write_key(signature("vault"), store.key(signature("notes")));
    expect_refused_by_verbs("another key's");
    expect_refused_at_boot("another key's");
}

TEST_P(StoreAttack, SwappedKeysOfAnOldStoreAreNotCarriedOn) {
    make_old();
    store.write_key(signature("vault"), store.key(signature("notes")));
    EXPECT_THROW(static_cast<void>(open_master(context(), "default")), Error);
    EXPECT_THAT(findings(Severity::bad), Contains(HasSubstr("holds the key")));
    reboot();
    EXPECT_EQ(load("vault").has_value(), GetParam() == MasterForm::trusted)
        << "only the user form can look into an old text";
}

TEST_P(StoreAttack, TheProofIsNoKey) {
    store.write_key(signature("vault"), file().seal);
    EXPECT_THROW(static_cast<void>(store.key(signature("vault"))), Error);
    reboot();
    EXPECT_FALSE(load("vault"));
    EXPECT_THAT(keyring.volume_keys(), IsEmpty());
}

TEST_P(StoreAttack, AnOldStoreOpensAndIsUpgradedByTheNextVerb) {
    make_old();
    reboot();
    EXPECT_EQ(load("vault")->method, UnlockMethod::tpm);
    EXPECT_FALSE(file().is_sealed()) << "a boot writes nothing";
    EXPECT_THAT(findings(Severity::warning), Contains(HasSubstr("was written by sealmount 0.1")));
    static_cast<void>(open_master(context(), "default"));
    EXPECT_TRUE(file().is_sealed());
    EXPECT_TRUE(file().may_rebind) << "somebody ran it, and the manifest says so";
    EXPECT_THAT(findings(Severity::warning), Not(Contains(HasSubstr("0.1"))));
    reboot();
    EXPECT_EQ(load("vault")->method, UnlockMethod::tpm);
    EXPECT_EQ(load("notes")->method, UnlockMethod::already_loaded);
}

TEST_P(StoreAttack, OnlyWhatTheTpmProvesOfAnOldStoreCounts) {
    OpenMaster master = open_master(context(), "default");
    reseal(context(), master, {.bound = {pcrs("4:sha256=" + std::string(64, 'a')), {}}, .note = "to come"});
    make_old();
    plant(with_planted_kinds(file()));
    const OpenMaster upgraded = open_master(context(), "default");
    EXPECT_THAT(lasting_kinds(upgraded.file), ElementsAre(pcrs("7")));
    std::vector<bool> unproven;
    std::ranges::transform(upgraded.file.slots, std::back_inserter(unproven), &Slot::is_unproven);
    EXPECT_THAT(unproven, ElementsAre(false, true, true, true));
    const auto seals = chip.seals().size();
    static_cast<void>(resume(context(), "default", true));
    EXPECT_EQ(chip.seals().size(), seals) << "the planted kind was sealed";
}

TEST_P(StoreAttack, ASlotThatOpensLaterIsProvedThen) {
    OpenMaster master = open_master(context(), "default");
    chip.extend(4, "another kernel");
    reseal(context(), master, {.bound = context().bound(*master.tpm, pcrs("4+7")).front(), .note = "now"});
    master = {};
    reboot();
    make_old();
    EXPECT_TRUE(open_master(context(), "default").file.find(2)->is_unproven);
    EXPECT_THAT(findings(Severity::warning), Contains(HasSubstr("slot 2: sealmount 0.1 wrote it")));
    reboot();
    chip.extend(4, "another kernel");
    static_cast<void>(open_master(context(), "default"));
    EXPECT_FALSE(file().find(2)->is_unproven);
    EXPECT_THAT(findings(Severity::warning), Not(Contains(HasSubstr("0.1"))));
}

TEST_P(StoreAttack, AMasterKeyOfHisIsNotTakenForTheStores) {
    MasterFile forged = file();
    forged.slots = {his_slot(1)};
    forged.recovery.clear();
    const SecretBytes fekek = random_secret(fekek_size);
    for (const std::string& name : {signature("vault"), signature("notes")}) {
        store.write_key(name, his_text(name, fekek));
    }
    plant(proved("default", std::move(forged), his, texts_under(store, "default")));
    EXPECT_THROW(static_cast<void>(open_master(context(), "default")), Error);
    EXPECT_THROW(enroll("more", "a third passphrase"), Error);
    EXPECT_THAT(findings(Severity::bad), Contains(HasSubstr("holds the key")));
    reboot();
    const auto loaded = load("vault");
    EXPECT_EQ(loaded.has_value(), GetParam() == MasterForm::trusted)
        << "the kernel shows nobody what it unseals: there only a check shows it";
}

/// dracut's name says nothing about the key, so he can make one.
TEST_P(StoreAttack, AKeyOfDracutsNameProvesNothingBesideOthers) {
    MasterFile forged = file();
    forged.slots = {his_slot(1)};
    store.write_key(dracut_signature, his_text(dracut_signature, random_secret(fekek_size)));
    const MasterFile sealed = proved("default", std::move(forged), his, texts_under(store, "default"));
    plant(sealed);
    EXPECT_THROW(static_cast<void>(open_master(context(), "default")), Error);
    EXPECT_THROW(enroll("more", "a third passphrase"), Error);
    for (const std::string& name : {signature("vault"), signature("notes")}) {
        store.remove_key(name);
    }
    EXPECT_THROW(enroll("more", "a third passphrase"), Error) << "the others are in the manifest";
    EXPECT_FALSE(store.manifest().find("more"));
}

TEST_P(StoreAttack, AnEnrollmentUpgradesAnOldStore) {
    make_old();
    EXPECT_FALSE(enroll("more", "a third passphrase").new_master);
    EXPECT_TRUE(file().is_sealed());
    EXPECT_EQ(file().key_proofs.size(), 3U);
    reboot();
    EXPECT_EQ(load("more")->method, UnlockMethod::tpm);
    EXPECT_EQ(load("vault")->method, UnlockMethod::already_loaded);
    EXPECT_THAT(findings(Severity::bad), IsEmpty());
}

TEST_P(StoreAttack, ASlotOfHisDoesNotHideTheRightOne) {
    make_old();
    MasterFile planted = file();
    planted.slots.insert(planted.slots.begin(), his_slot(7));
    plant(planted);
    reboot();
    const auto unlocked = load("vault");
    ASSERT_TRUE(unlocked) << with_detail(reported.refusals.back());
    EXPECT_EQ(unlocked->slot, 1U);
    EXPECT_EQ(open_master(context(), "default").slot, 1U);
    EXPECT_TRUE(file().find(7)->is_unproven);
    reboot();
    EXPECT_EQ(load("vault")->slot, 1U) << "in a store of today as well";
}

TEST_P(StoreAttack, AnOrphanIsNotAdopted) {
    static_cast<void>(remove_volume(store, "vault"));
    static_cast<void>(remove_volume(store, "notes"));
    MasterFile orphan;
    orphan.srk_name = open_managed_tpm(opener, machine.backoff)->srk_name().value();
    orphan.slots = {his_slot(1)};
    orphan.recovery = {make_recovery_slot("default", 2, his, random_secret(recovery_key_size), "phantom")};
    plant(proved("default", std::move(orphan), his, {}));
    const Enrolled enrolled = enroll("vault", vault_passphrase);
    EXPECT_TRUE(enrolled.new_master);
    EXPECT_THROW(static_cast<void>(open_encrypted_key(store.key(vault_signature), his)), Error);
    EXPECT_THAT(file().recovery, IsEmpty()) << "nobody has seen that recovery key";
    EXPECT_THAT(findings(Severity::good), Not(Contains(HasSubstr("has a recovery key"))));
}

TEST_P(StoreAttack, AMasterKeyWithoutItsManifestIsNotReplacedWhileItHasOtherKeys) {
    const std::string notes = signature("notes");
    std::filesystem::remove(store.paths().manifest());
    const auto before = tree();
    EXPECT_THROW(enroll("more", "a third passphrase"), Error);
    EXPECT_EQ(tree(), before);
    EXPECT_FALSE(enroll("vault", vault_passphrase).new_master) << "its own key proves it";
    EXPECT_NO_THROW(static_cast<void>(open_volume_key(store.key(notes), master_key(), notes)));
}

TEST_P(StoreAttack, WhatWaitsIsNotAdopted) {
    static_cast<void>(remove_volume(store, "notes"));
    MasterFile waiting;
    waiting.srk_name = file().srk_name;
    reboot();
    chip.extend(7, new_boot_chain);
    waiting.slots = {his_slot(1)};
    store.write_waiting_renewal("default", waiting,
                                {{"0123456789abcdef", his_text("0123456789abcdef", random_secret(64))}});
    prompt.answer(std::string{vault_passphrase});
    ASSERT_TRUE(load("vault"));
    EXPECT_THAT(reported.rebound_whole, ElementsAre(true))
        << ::testing::PrintToString(reported.rebind_failures);
    EXPECT_THROW(static_cast<void>(open_encrypted_key(store.key(vault_signature), his)), Error);
    EXPECT_FALSE(store.has_key("0123456789abcdef"));
    reboot();
    chip.extend(7, new_boot_chain);
    EXPECT_EQ(load("vault")->method, UnlockMethod::tpm);
}

TEST_P(StoreAttack, APassphraseBindsOnlyToWhatItProves) {
    static_cast<void>(remove_volume(store, "notes"));
    MasterFile planted = file();
    planted.slots.front().policy = debug_pcr();
    plant(planted);
    reboot();
    prompt.answer(std::string{vault_passphrase});
    ASSERT_TRUE(load("vault"));
    EXPECT_THAT(reported.rebound_whole, IsEmpty());
    EXPECT_THAT(reported.rebind_failures,
                ElementsAre(HasSubstr("do not prove what its slots are sealed to")));
    std::map<std::string, Fekek> keys;
    for (Fekek& fekek : keys_from_passphrase(store.volume("vault"), secret(vault_passphrase))) {
        keys.emplace(fekek.signature, std::move(fekek));
    }
    const Renewed renewed = rebind(context(), "default", keys);
    EXPECT_THAT(renewed.notes, ElementsAre(HasSubstr("is bound to PCR 7")));
    EXPECT_THAT(lasting_kinds(file()), ElementsAre(pcrs("7")));
}

TEST_P(StoreAttack, TheManifestAloneLetsNobodyRebind) {
    {
        OpenMaster master = open_master(context(), "default");
        master.file.may_rebind = false;
        write_proved(store, "default", master.file, master.key);
    }
    SlotContext unattended = context();
    unattended.is_attended = false;
    static_cast<void>(open_master(unattended, "default"));
    EXPECT_FALSE(file().may_rebind);
    EXPECT_THAT(findings(Severity::warning), Contains(HasSubstr("nobody who has the master key has agreed")));
    reboot();
    chip.extend(7, new_boot_chain);
    prompt.answer(std::string{vault_passphrase});
    ASSERT_TRUE(load("vault"));
    EXPECT_THAT(reported.rebind_failures, ElementsAre(HasSubstr("nobody who has the master key has agreed")));
    reboot();
    static_cast<void>(open_master(context(), "default"));
    EXPECT_TRUE(file().may_rebind);
}

TEST_P(StoreAttack, ARestoredBackupOpensAndAPartOfItIsCalledOlder) {
    const MasterFile earlier = file();
    enroll("more", "a third passphrase");
    plant(earlier);
    reboot();
    EXPECT_TRUE(load("vault"));
    EXPECT_THAT(findings(Severity::warning), Contains(HasSubstr("it is older than that")));
    EXPECT_THAT(findings(Severity::bad), IsEmpty());
    static_cast<void>(open_master(context(), "default"));
    EXPECT_THAT(findings(Severity::warning), Not(Contains(HasSubstr("it is older than that"))));
}

TEST_P(StoreAttack, ARecoverySlotOfHisIsNone) {
    MasterFile planted = file();
    planted.recovery = {
        make_recovery_slot("default", planted.next_id(), his, random_secret(recovery_key_size), "")};
    plant(planted);
    EXPECT_THROW(static_cast<void>(open_master(context(), "default")), Error);
    EXPECT_THAT(findings(Severity::bad), Contains(HasSubstr("is not a recovery key that was made for")));
}

TEST_P(StoreAttack, TheRecoveryKeyBindsOnlyToWhatItProves) {
    const SecretBytes recovery_key = random_secret(recovery_key_size);
    add_recovery_key(store, "default", master_key(), recovery_key);
    const MasterFile good = file();
    plant(with_planted_kinds(good));
    const auto seals = chip.seals().size();
    EXPECT_THROW(
        reseal_recovered(context(), "default", open_by_recovery_key(store, "default", recovery_key).key),
        Error);
    EXPECT_EQ(chip.seals().size(), seals);
    plant(good);
    chip.extend(7, new_boot_chain);
    EXPECT_NO_THROW(
        reseal_recovered(context(), "default", open_by_recovery_key(store, "default", recovery_key).key));
}

TEST_P(StoreAttack, AnOldStoreThatDoesNotOpenHasNoKindsToRecover) {
    const SecretBytes recovery_key = random_secret(recovery_key_size);
    add_recovery_key(store, "default", master_key(), recovery_key);
    make_old();
    chip.extend(7, new_boot_chain);
    try {
        reseal_recovered(context(), "default", open_by_recovery_key(store, "default", recovery_key).key);
        ADD_FAILURE();
    } catch (const Error& error) {
        EXPECT_EQ(error.advice().kind, AdviceKind::name_policy);
    }
    OpenMaster master =
        ready_to_reseal(context(), "default", open_by_recovery_key(store, "default", recovery_key).key);
    reseal(context(), master, {.bound = context().bound(*master.tpm, pcrs("7")).front(), .note = "named"});
    reboot();
    chip.extend(7, new_boot_chain);
    EXPECT_EQ(load("vault")->method, UnlockMethod::tpm);
}

TEST_P(StoreAttack, RotationCarriesNoKindThatNothingProves) {
    make_old();
    plant(with_planted_kinds(file()));
    const Renewed renewed = rotate(context(), open_master(context(), "default"));
    EXPECT_THAT(renewed.slots, ElementsAre(1U));
    EXPECT_THAT(renewed.left_out, ElementsAre(2U, 3U));
    EXPECT_TRUE(file().is_sealed());
}

/// Edits of the files by one who knows JSON and one who does not. A fixed seed: what fails once fails again.
class RandomEdits {
  public:
    explicit RandomEdits(const std::uint32_t seed) : random_(seed) {}

    std::string edited(std::string text) {
        if (text.empty()) {
            return text;
        }
        switch (number(5)) {
        case 0: // a byte is another one
            text[number(text.size())] = static_cast<char>(32 + number(95));
            return text;
        case 1: // a piece is gone
            text.erase(number(text.size()), 1 + number(40));
            return text;
        case 2: { // a piece is there twice
            const std::string piece = text.substr(number(text.size()), 1 + number(200));
            text.insert(number(text.size()), piece);
            return text;
        }
        case 3: // a number is another one
            return with_digits_replaced(std::move(text), std::to_string(number(30)));
        default: // a line is another line
            return with_lines_swapped(text);
        }
    }

    std::size_t number(const std::size_t below) { return random_() % below; }

  private:
    std::string with_digits_replaced(std::string text, const std::string& by) {
        std::vector<std::size_t> places;
        for (std::size_t i = 0; i < text.size(); ++i) {
            if (text[i] >= '0' && text[i] <= '9') {
                places.push_back(i);
            }
        }
        return places.empty() ? text : text.replace(places[number(places.size())], 1, by);
    }

    std::string with_lines_swapped(const std::string& text) {
        std::vector<std::string> lines;
        std::istringstream input{text};
        for (std::string line; std::getline(input, line);) {
            lines.push_back(line);
        }
        std::swap(lines[number(lines.size())], lines[number(lines.size())]);
        std::string result;
        for (const std::string& line : lines) {
            result += line + "\n";
        }
        return result;
    }

    std::mt19937 random_;
};

/// A suspended master key after the boot that needed it: everything that seals by itself has something to do.
class RandomEditsTest : public StoreAttack {
  protected:
    void SetUp() override {
        StoreAttack::SetUp();
        OpenMaster master = open_master(context(), "default");
        reseal(context(), master,
               {.bound = context().bound(*master.tpm, pcrs("4+7")).front(), .note = "by the chain"});
        suspend(context(), master, 3, {});
        master = {};
        reboot();
        chip.extend(7, new_boot_chain);
        for (const char* const name : {"vault", "notes"}) {
            const auto passphrase =
                name == std::string_view{"vault"} ? vault_passphrase : store_notes_passphrase;
            for (Fekek& fekek : keys_from_passphrase(store.volume(name), secret(passphrase))) {
                typed.push_back(std::move(fekek));
            }
        }
    }

    void TearDown() override {
        typed.clear();
        StoreAttack::TearDown();
    }

    void put(const std::map<std::string, std::string>& files) {
        std::filesystem::remove_all(store.paths().configuration());
        for (const auto& [name, contents] : files) {
            std::filesystem::create_directories((root / name).parent_path());
            std::ofstream{root / name} << contents;
            std::filesystem::permissions(root / name, std::filesystem::perms{0600});
        }
    }

    /// All that a machine does by itself, and what a person does who names no policy.
    std::set<PolicyDigest> all_that_is_sealed() {
        const auto before = chip.seals().size();
        SlotContext unattended = context();
        unattended.is_attended = false;
        attempt([&] { static_cast<void>(resume(unattended, "default", true)); });
        attempt([&] {
            OpenMaster master = open_master(context(), "default");
            for (const Policy& kind : lasting_kinds(master.whole)) {
                reseal(context(), master, {.bound = context().bound(*master.tpm, kind).front(), .note = ""});
            }
        });
        attempt([&] { static_cast<void>(rotate(context(), open_master(context(), "default"))); });
        attempt([&] {
            std::vector<Fekek> keys;
            for (const Fekek& fekek : typed) {
                keys.push_back({.key = fekek.key.clone(), .signature = fekek.signature});
            }
            static_cast<void>(rebind_with(unattended, "default", keys));
        });
        attempt([&] {
            static_cast<void>(
                check({.machine = machine, .store = store, .is_this_machine = false}, std::nullopt));
        });
        attempt([&] { static_cast<void>(load("vault")); });
        lose_keys();
        std::filesystem::remove_all(store.paths().runtime());
        return {chip.seals().begin() + static_cast<std::ptrdiff_t>(before), chip.seals().end()};
    }

    template<typename Action>
    void attempt(const Action& action) {
        try {
            action();
        } catch (
            const Error&) { // NOLINT(bugprone-empty-catch): a sentence, and that is all that is asked for
        }
    }

    std::vector<Fekek> typed;
};

INSTANTIATE_TEST_SUITE_P(BothForms, RandomEditsTest, ::testing::Values(MasterForm::trusted, MasterForm::user),
                         [](const auto& entry) { return std::string{to_string(entry.param)}; });

TEST_P(RandomEditsTest, NoneChangesWhatTheMachineSeals) {
    const auto good = tree();
    const std::set<PolicyDigest> usual = all_that_is_sealed();
    EXPECT_GE(usual.size(), 2U) << "there is something to seal";
    std::vector<std::string> names;
    std::ranges::transform(good, std::back_inserter(names), [](const auto& entry) { return entry.first; });
    RandomEdits edits{20261128};
    for (unsigned edit = 0; edit < 200; ++edit) {
        auto files = good;
        std::string& text = files.at(names[edits.number(names.size())]);
        text = edits.edited(text);
        put(files);
        const std::set<PolicyDigest> found = all_that_is_sealed();
        EXPECT_TRUE(std::ranges::includes(usual, found)) << "edit " << edit << ":\n" << text;
    }
    put(good);
}

} // namespace

} // namespace sealmount::testing
