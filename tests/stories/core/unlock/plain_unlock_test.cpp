// The small unlock ends as the one that does everything, or changes nothing and leaves it to that: both run
// on the same root, TPM and kernel, and what they leave is compared.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/unlock/plain_unlock.hpp"

#include "core/master/store_proof.hpp"
#include "core/store/volume_state.hpp"
#include "stories/fake_machine.hpp"
#include "unit/fake_proc.hpp"

#include <gmock/gmock.h>

#include <fstream>
#include <functional>
#include <sstream>

namespace sealmount::testing {

namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// The machine of fakes as a boot asks it.
class FakeBootKernel final : public BootKernel {
  public:
    FakeBootKernel(FakeTpmOpener& opener, FakeKeyring& keyring, const std::string_view form = "trusted")
        : opener_(opener), keyring_(keyring), form_(form) {}

    [[nodiscard]] std::string_view form() const override { return form_; }
    [[nodiscard]] BootForm try_form() override {
        return guarded(BootForm::unknown,
                       [&] { return keyring_.has_trusted_keys() ? BootForm::possible : BootForm::other; });
    }
    [[nodiscard]] std::optional<bool> has_key(const char* const type, const std::string_view name) override {
        return guarded(std::optional<bool>{}, [&]() -> std::optional<bool> {
            return std::string_view{type} == "user" ? keyring_.has_user_key(name)
                                                    : keyring_.has_volume_key(name);
        });
    }
    [[nodiscard]] std::optional<RawPcrs> read_pcrs(const PcrSelection selection) override {
        return guarded(std::optional<RawPcrs>{}, [&]() -> std::optional<RawPcrs> {
            auto tpm = opener_.open(TpmAccess::raw);
            if (!tpm) {
                return std::nullopt;
            }
            tpm_ = std::move(*tpm);
            RawPcrs result;
            const PcrReading reading = tpm_->read_pcrs(selection);
            for (const auto& [pcr, value] : reading.values) {
                result.set(pcr, value);
            }
            return result;
        });
    }
    [[nodiscard]] bool bring_in(const BootSeal& seal) override {
        const bool loaded = guarded(false, [&] {
            const auto session = tpm_->start_policy_session({PcrStep{seal.selection}});
            return session &&
                   keyring_.load_trusted_master(seal.master, seal.sealed, (*session)->handle(), nullptr)
                       .has_value();
        });
        tpm_.reset();
        return loaded;
    }
    [[nodiscard]] bool prove(const std::string_view seal) override {
        return guarded(false, [&] { return keyring_.prove_volume_key("sealmount:proof", seal).has_value(); });
    }
    [[nodiscard]] bool load(const std::string_view signature, const std::string_view text) override {
        return guarded(false, [&] { return keyring_.load_volume_key(signature, text).has_value(); });
    }
    bool unload(const std::string_view signature) override {
        keyring_.unload_volume_key(signature);
        return true;
    }

  private:
    template<typename Result, typename Work>
    static Result guarded(Result failed, const Work& work) {
        try {
            return work();
        } catch (const Error&) {
            return failed;
        }
    }

    FakeTpmOpener& opener_;
    FakeKeyring& keyring_;
    std::string_view form_;
    std::unique_ptr<Tpm> tpm_;
};

/// What an unlock leaves.
struct Left {
    std::map<std::string, std::vector<std::byte>> keys;
    std::map<std::string, std::string> notes;

    bool operator==(const Left&) const = default;
};

class PlainUnlockTest : public FakeMachine {
  protected:
    void SetUp() override {
        EnrollRequest vault = request("vault");
        vault.filename_encryption = true;
        enroll(vault, vault_passphrase);
    }

    PlainOutcome load_plainly(const std::string& name, const BootJob::Kind kind = BootJob::Kind::volume) {
        make_directory(store.paths().runtime(), Paths::runtime_mode); // as the unit does
        FakeBootKernel kernel{opener, keyring, form};
        report = {};
        const PlainOutcome outcome = plain_load(
            kernel, places, {.kind = kind, .name = name}, [] {}, report);
        keyring.end_process();
        return outcome;
    }

    PlainOutcome unload_plainly(const std::string& name) {
        FakeBootKernel kernel{opener, keyring};
        return plain_unload(kernel, places, name);
    }

    [[nodiscard]] Left left() const {
        Left result;
        for (const std::string& signature : keyring.volume_keys()) {
            result.keys[signature] = keyring.fekek(signature);
        }
        for (const auto& entry : std::filesystem::recursive_directory_iterator{store.paths().runtime()}) {
            if (entry.is_symlink()) {
                result.notes[entry.path().lexically_relative(root).string()] =
                    std::filesystem::read_symlink(entry.path()).string();
            }
        }
        return result;
    }

    /// After a reboot and `before`, both leave the same and report the same.
    void expect_same(
        const std::string& name, const std::function<void()>& before = [] {}) {
        reboot();
        before();
        const auto unlocked = load(name);
        ASSERT_TRUE(unlocked);
        const Left by_full = left();
        reboot();
        before();
        ASSERT_EQ(load_plainly(name), PlainOutcome::done);
        EXPECT_EQ(left(), by_full);
        EXPECT_EQ(report.way == PlainReport::Way::loaded_already,
                  unlocked->method == UnlockMethod::already_loaded);
        EXPECT_EQ(report.slot, unlocked->slot);
        EXPECT_EQ(along(), unlocked->also_loaded);
        EXPECT_EQ(report.volume.name, name);
        EXPECT_EQ(report.volume.mountpoint, store.volume(name).mountpoint);
        EXPECT_EQ(report.master, store.volume(name).master);
    }

    /// The same of a master key.
    void expect_same_together(const std::function<void()>& before = [] {}) {
        reboot();
        before();
        const UnlockedTogether all = load_together();
        const Left by_full = left();
        reboot();
        before();
        ASSERT_EQ(load_plainly("default", BootJob::Kind::master), PlainOutcome::done);
        EXPECT_EQ(left(), by_full);
        EXPECT_FALSE(all.refusal);
        EXPECT_EQ(report.way == PlainReport::Way::tpm, !all.unlocks.empty());
        if (!all.unlocks.empty()) {
            ASSERT_EQ(all.unlocks.size(), 1U);
            EXPECT_EQ(report.volume.name, all.unlocks[0].volume.name);
            EXPECT_EQ(report.slot, all.unlocks[0].unlocked.slot);
            EXPECT_EQ(along(), all.unlocks[0].unlocked.also_loaded);
        }
    }

    [[nodiscard]] std::vector<std::string> along() const {
        std::vector<std::string> names;
        for (const PlainName& other : report.along) {
            names.push_back(other.name);
        }
        return names;
    }

    /// It leaves it to the other, no key and no session being there.
    void expect_left_to_full(const std::string& name) {
        const Left before = keyring.volume_keys().empty() ? Left{} : left();
        EXPECT_EQ(load_plainly(name), PlainOutcome::not_plain);
        EXPECT_EQ(left().keys, before.keys);
        EXPECT_EQ(chip.open_sessions(), 0U);
        EXPECT_FALSE(chip.held_raw());
    }

    /// The manifest with a volume that has been changed.
    void change(const std::string& name, const std::function<void(Volume&)>& edit) {
        Volume volume = store.volume(name);
        edit(volume);
        store.write_manifest(manifest_with(manifest_without(store.manifest_text(), name), volume));
    }

    static constexpr unsigned never = 1000000;
    void arm(const bool in_keyring, const unsigned calls) {
        if (in_keyring) {
            keyring.fail_after(calls);
        } else {
            chip.fail_after(calls);
        }
    }

    PlainPlaces places{.root = root.string()};
    std::string_view form = "trusted"; ///< that the small program is for
    PlainReport report;
};

TEST_F(PlainUnlockTest, OneVolume) {
    expect_same("vault");
    EXPECT_THAT(keyring.volume_keys(),
                ElementsAre(std::string{vault_signature}, std::string{vault_filename_signature}));
    EXPECT_EQ(report.slot, 1U);
}

TEST_F(PlainUnlockTest, OneUnsealForAllAutomaticVolumesOfTheMasterKey) {
    enroll("notes", "another passphrase");
    EnrollRequest manual = request("manual");
    manual.volume.noauto = true;
    enroll(manual, "a third passphrase");
    EnrollRequest apart = request("apart");
    apart.volume.master = "apart";
    enroll(apart, "a fourth passphrase");
    EnrollRequest demanding = request("demanding");
    demanding.volume.form = FormChoice::trusted;
    enroll(demanding, "a fifth passphrase");
    expect_same("vault");
    EXPECT_THAT(along(), ElementsAre("notes", "demanding"));
    expect_same("notes");
    expect_same("manual");
    expect_same("apart");
    expect_same("demanding");
}

TEST_F(PlainUnlockTest, NoMoreCommandsThanTheOther) {
    reboot();
    const unsigned before = chip.commands();
    ASSERT_EQ(load_plainly("vault"), PlainOutcome::done);
    const unsigned plain = chip.commands() - before;
    reboot();
    const unsigned between = chip.commands();
    ASSERT_TRUE(load("vault"));
    EXPECT_LE(plain, chip.commands() - between);
}

TEST_F(PlainUnlockTest, WhatTheStoreDoesNotProveIsLeftToTheOther) {
    const MasterFile good = store.master("default");
    const std::string key_text = store.key(vault_signature);
    reboot();
    MasterFile edited = good;
    edited.slots.front().note = "edited";
    store.write_master("default", edited);
    expect_left_to_full("vault");
    MasterFile stripped = good;
    stripped.seal.clear();
    store.write_master("default", stripped);
    expect_left_to_full("vault");
    store.write_master("default", proved("default", good, SecretBytes{std::vector(32, std::byte{1})}, {}));
    expect_left_to_full("vault");
    keyring.end_process();
    store.write_master("default", good);
    store.write_key(vault_signature, store.key(vault_filename_signature));
    expect_left_to_full("vault");
    store.write_key(vault_signature, key_text);
    expect_same("vault");
}

TEST_F(PlainUnlockTest, WhatWasLoadedAlongIsThereAlready) {
    enroll("notes", "another passphrase");
    expect_same("notes", [&] { ASSERT_TRUE(load("vault")); });
    EXPECT_EQ(report.way, PlainReport::Way::loaded_already);
    EXPECT_EQ(loaded_by(store.paths(), "notes"), "trusted");
}

TEST_F(PlainUnlockTest, AStoppedVolumeStaysStopped) {
    enroll("notes", "another passphrase");
    const auto stopped = [&] {
        ASSERT_TRUE(load("notes"));
        unload("notes");
    };
    expect_same("vault", stopped);
    EXPECT_THAT(along(), IsEmpty());
    expect_same("notes", stopped);
}

TEST_F(PlainUnlockTest, AVolumeThatLostOneOfItsKeysGetsThatOne) {
    expect_same("vault", [&] {
        ASSERT_TRUE(load("vault"));
        keyring.unload_volume_key(std::string{vault_filename_signature});
    });
}

TEST_F(PlainUnlockTest, ASharedKeyIsLoadedOnce) {
    EnrollRequest second = request("second");
    enroll(second, vault_passphrase);
    expect_same("vault");
    expect_same("second");
}

TEST_F(PlainUnlockTest, AMasterKeysJobLoadsAllThatAreAutomatic) {
    enroll("notes", "another passphrase");
    EnrollRequest manual = request("manual");
    manual.volume.noauto = true;
    enroll(manual, "a third passphrase");
    EnrollRequest second = request("second");
    enroll(second, vault_passphrase);
    expect_same_together();
    EXPECT_EQ(report.volume.name, "vault");
    EXPECT_THAT(along(), ElementsAre("notes", "second"));
    expect_same_together([&] { ASSERT_TRUE(load("vault")); });
    EXPECT_EQ(report.way, PlainReport::Way::loaded_already);
    expect_same_together([&] {
        ASSERT_TRUE(load("notes"));
        unload("notes");
    });
    expect_same_together([&] {
        ASSERT_TRUE(load("vault"));
        keyring.unload_volume_key(store.volume("vault").signature);
    });
    expect_same_together([&] {
        ASSERT_TRUE(load("vault"));
        lose_keys();
    });
    expect_same_together([&] {
        ASSERT_TRUE(load("vault"));
        std::filesystem::remove_all(store.paths().runtime());
    });
    EXPECT_EQ(load_plainly("nobody", BootJob::Kind::master), PlainOutcome::not_plain);
}

TEST_F(PlainUnlockTest, AMasterKeysJobThatIsStartedAgainBeginsNoBoot) {
    enroll("notes", "another passphrase");
    const auto after_the_boot = [&] {
        ASSERT_TRUE(load("vault"));
        unload("notes");
        std::filesystem::create_directories(store.paths().booted());
    };
    expect_same_together(after_the_boot);
    EXPECT_EQ(report.way, PlainReport::Way::loaded_already);
    EXPECT_EQ(volume_state(store.paths(), "notes"), VolumeState::stopped);
    EXPECT_FALSE(std::filesystem::is_symlink(store.paths().booting()));
}

TEST_F(PlainUnlockTest, AVolumeWhoseUnitIsAnothersIsNotLoadedAlong) {
    enroll("notes", "another passphrase");
    enroll("third", "a third passphrase");
    std::filesystem::create_directories(root / "etc/systemd/system");
    std::filesystem::create_symlink("/dev/null", root / "etc/systemd/system/srv-notes.mount");
    expect_same_together();
    EXPECT_THAT(along(), ElementsAre("third"));
    expect_same("vault");
    EXPECT_THAT(along(), ElementsAre("third"));
    expect_same("notes");
}

TEST_F(PlainUnlockTest, ASecondSlotMayBeTheOneThatFits) {
    change_master([](MasterFile& file) {
        Slot other = file.slots.front();
        other.policy.pcrs.front().values.begin()->second.front() = std::byte{0x55};
        other.id = 1;
        file.slots.front().id = 2;
        file.slots.insert(file.slots.begin(), other);
    });
    expect_same("vault");
    EXPECT_EQ(report.slot, 2U);
}

TEST_F(PlainUnlockTest, WhatMustBeExplainedIsLeftToTheOther) {
    reboot();
    chip.extend(7, "another boot chain");
    expect_left_to_full("vault");
    reboot();
    opener.set_absent(true);
    expect_left_to_full("vault");
    opener.set_absent(false);
    opener.set_busy(1);
    expect_left_to_full("vault");
    chip.disturb_sessions(1);
    expect_left_to_full("vault");
    keyring.add_user_key(std::string{vault_signature});
    expect_left_to_full("vault");
    keyring.remove_user_key(std::string{vault_signature});
    expect_left_to_full("nobody");
    ASSERT_EQ(load_plainly("vault"), PlainOutcome::done) << "and without all that it works";
}

TEST_F(PlainUnlockTest, AKernelWithoutTrustedKeysTakesTheOtherForm) {
    reboot();
    keyring.set_trusted_type(false);
    const unsigned before = chip.commands();
    EXPECT_EQ(load_plainly("vault"), PlainOutcome::other_form);
    EXPECT_EQ(chip.commands(), before) << "the TPM is not asked for that";
    keyring.set_trusted_type(true);
    keyring.set_trusted_masters(false);
    expect_left_to_full("vault");
    keyring.set_trusted_masters(true);
}

TEST_F(PlainUnlockTest, UnusualPoliciesAreLeftToTheOther) {
    const MasterFile good = store.master("default");
    const auto with = [&](const std::function<void(Policy&)>& edit) {
        store.write_master("default", good);
        change_master([&](MasterFile& file) { edit(file.slots.front().policy); });
        reboot();
        expect_left_to_full("vault");
    };
    with([](Policy& policy) { policy.pin = true; });
    with([](Policy& policy) { policy.boot_window = std::chrono::minutes{2}; });
    with([](Policy& policy) { policy.last_boot = 7; });
    with([](Policy& policy) { policy.pcrs.clear(); });
    with([](Policy& policy) {
        policy.pcrs.insert(policy.pcrs.begin(),
                           PcrPolicy{.bank = PcrBank::sha1, .values = {{7, std::vector<std::byte>(20)}}});
    });
    store.write_master("default", good);
    reboot();
    EXPECT_EQ(load_plainly("vault"), PlainOutcome::done);
}

TEST_F(PlainUnlockTest, FilesOfOthersDecideNothing) {
    const auto refused_with = [&](const std::filesystem::path& file) {
        namespace fs = std::filesystem;
        fs::permissions(file, fs::perms::group_write, fs::perm_options::add);
        reboot();
        expect_left_to_full("vault");
        fs::permissions(file, fs::perms::group_write, fs::perm_options::remove);
    };
    refused_with(store.paths().manifest());
    refused_with(store.paths().master("default"));
    refused_with(store.paths().key(vault_signature));
    reboot();
    std::filesystem::create_directory(store.paths().replacement());
    expect_left_to_full("vault");
    std::filesystem::remove(store.paths().replacement());
    EXPECT_EQ(load_plainly("vault"), PlainOutcome::done);
}

TEST_F(PlainUnlockTest, AVolumeWithoutAKeyFileIsLeftToTheOther) {
    enroll("notes", "another passphrase");
    store.remove_key(store.volume("notes").signature);
    reboot();
    expect_left_to_full("vault");
    ASSERT_TRUE(load("vault")) << "which costs only that one";
}

TEST_F(PlainUnlockTest, AFailureAnywhereChangesNothing) {
    enroll("notes", "another passphrase");
    reboot();
    ASSERT_TRUE(load("vault"));
    const Left by_full = left();
    for (const bool in_keyring : {false, true}) {
        unsigned failed = 0;
        for (unsigned n = 0;; ++n) {
            reboot();
            arm(in_keyring, n);
            const PlainOutcome outcome = load_plainly("vault");
            const bool struck = in_keyring ? keyring.fault().struck() : chip.fault().struck();
            arm(in_keyring, never);
            EXPECT_EQ(chip.open_sessions(), 0U);
            if (outcome != PlainOutcome::done) {
                ++failed;
                EXPECT_TRUE(struck) << n;
                EXPECT_THAT(keyring.volume_keys(), IsEmpty()) << n;
                ASSERT_TRUE(load("vault"));
            }
            EXPECT_EQ(left(), by_full) << n;
            if (!struck) {
                break;
            }
        }
        EXPECT_GT(failed, in_keyring ? 5U : 2U);
    }
}

TEST_F(PlainUnlockTest, AStopTakesTheSameKeys) {
    enroll("notes", "another passphrase");
    EnrollRequest second = request("second");
    enroll(second, vault_passphrase);
    EnrollRequest kept = request("kept");
    kept.volume.keep_keys = true;
    enroll(kept, "a kept passphrase");
    EnrollRequest manual = request("manual");
    manual.volume.noauto = true;
    enroll(manual, "a manual passphrase");
    const std::vector<std::vector<std::string>> runs = {
        {"vault"}, {"vault", "notes"}, {"vault", "second"}, {"notes", "kept"}, {"second", "vault", "kept"}};
    for (const auto& run : runs) {
        for (const std::string& stopped :
             {run.front(), run.back(), std::string{"manual"}, std::string{"nobody"}}) {
            const auto start = [&] {
                reboot();
                for (const std::string& name : run) {
                    ASSERT_TRUE(load(name));
                }
            };
            start();
            unload(stopped);
            const Left by_full = left();
            start();
            if (stopped == "nobody") {
                EXPECT_EQ(unload_plainly(stopped), PlainOutcome::not_plain) << "its keys have to be guessed";
                continue;
            }
            EXPECT_EQ(unload_plainly(stopped), PlainOutcome::done);
            EXPECT_EQ(left(), by_full) << stopped;
        }
    }
}

TEST_F(PlainUnlockTest, WhatTheManifestSaysOfAnyVolumeMustBePlain) {
    enroll("notes", "another passphrase");
    change("notes", [](Volume& volume) { volume.options = {"context=system_u:object_r:home_t"}; });
    expect_same("vault");
    std::string text = store.manifest_text();
    text.replace(text.find("\"notes\""), 7, "\"\\u006eotes\"");
    store.write_manifest(text);
    reboot();
    expect_left_to_full("vault");
    ASSERT_TRUE(load("vault"));
    EXPECT_EQ(volume_state(store.paths(), "notes"), VolumeState::loaded);
}

TEST_F(PlainUnlockTest, WhatKeepsAVolumeFromBeingMountedIsLeftToTheOther) {
    const std::filesystem::path lower = root / "srv/.notes";
    const std::filesystem::path away = root / "srv/.away";
    enroll("notes", "another passphrase");
    reboot();
    ASSERT_TRUE(load("notes"));
    lose_keys();
    std::filesystem::rename(lower, away);
    expect_left_to_full("notes");
    EXPECT_EQ(volume_state(store.paths(), "notes"), VolumeState::loaded) << "the other finds it as it was";
    const auto refused = load("notes");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, RefusalKind::ground_changed);
    reboot();
    expect_left_to_full("vault");
    EXPECT_EQ(load_plainly("default", BootJob::Kind::master), PlainOutcome::not_plain);
    EXPECT_THAT(keyring.volume_keys(), IsEmpty());
    static_cast<void>(load_together());
    EXPECT_EQ(volume_state(store.paths(), "vault"), VolumeState::loaded) << "which costs only that one";
    EXPECT_EQ(volume_state(store.paths(), "notes"), VolumeState::untouched);
    std::filesystem::rename(away, lower);
    expect_same("vault");
}

TEST_F(PlainUnlockTest, KeysThatAreThereAreNotNotedWhereTheVolumeMustNotBeMounted) {
    reboot();
    ASSERT_TRUE(load("vault"));
    std::filesystem::rename(root / "srv/.vault", root / "srv/.away");
    std::filesystem::remove_all(store.paths().runtime());
    make_directory(store.paths().runtime(), Paths::runtime_mode);
    expect_left_to_full("vault");
    EXPECT_EQ(load_plainly("default", BootJob::Kind::master), PlainOutcome::not_plain);
    EXPECT_EQ(volume_state(store.paths(), "vault"), VolumeState::untouched);
}

TEST_F(PlainUnlockTest, WhatIsLoadedButMustNotBeMountedIsLeftToTheOther) {
    reboot();
    ASSERT_TRUE(load("vault"));
    std::filesystem::rename(root / "srv/.vault", root / "srv/.away");
    EXPECT_EQ(load_plainly("default", BootJob::Kind::master), PlainOutcome::not_plain);
    expect_left_to_full("vault");
    static_cast<void>(load_together());
    EXPECT_EQ(volume_state(store.paths(), "vault"), VolumeState::untouched) << "the mount would go on";
}

TEST_F(PlainUnlockTest, OfTwoVolumesInOnePlaceTheOtherSaysWhich) {
    enroll("notes", "another passphrase");
    const Volume vault = store.volume("vault");
    change("notes", [&](Volume& volume) {
        volume.lower = vault.lower;
        volume.ground = vault.ground;
    });
    reboot();
    expect_left_to_full("notes");
    expect_left_to_full("vault");
    EXPECT_EQ(load_plainly("default", BootJob::Kind::master), PlainOutcome::not_plain);
    static_cast<void>(load_together());
    EXPECT_EQ(volume_state(store.paths(), "vault"), VolumeState::loaded);
    EXPECT_EQ(volume_state(store.paths(), "notes"), VolumeState::untouched);
}

TEST_F(PlainUnlockTest, ADirectoryThatMayMakeOneWaitIsLeftToItsOwnUnlock) {
    enroll("notes", "another passphrase");
    const FakeProc fake;
    fake.process("self", "sealmount",
                 "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n31 22 0:50 / " + (root / "srv/.notes").string() +
                     " rw - nfs4 server:/notes rw\n",
                 "host");
    FakeProc::link(fake.proc() / "self/root", "/");
    places.sources = {.proc = fake.proc(), .sysfs = fake.sysfs()};
    const std::string signature_of_notes = store.volume("notes").signature;
    for (const auto kind : {BootJob::Kind::volume, BootJob::Kind::master}) {
        reboot();
        ASSERT_EQ(load_plainly(kind == BootJob::Kind::volume ? "vault" : "default", kind),
                  PlainOutcome::done);
        EXPECT_EQ(report.volume.name, "vault");
        EXPECT_THAT(along(), IsEmpty());
        EXPECT_FALSE(keyring.has_volume_key(signature_of_notes));
        EXPECT_EQ(volume_state(store.paths(), "notes"), VolumeState::untouched);
    }
    EXPECT_EQ(load_plainly("notes"), PlainOutcome::done) << "which is the one that waits";
    EXPECT_EQ(load_plainly("default", BootJob::Kind::master), PlainOutcome::done);
    EXPECT_EQ(report.way, PlainReport::Way::loaded_already);
    EXPECT_EQ(volume_state(store.paths(), "notes"), VolumeState::untouched) << "it looks again";
}

TEST_F(PlainUnlockTest, AMasterKeysJobLeavesADemandForTheOtherFormToTheOther) {
    EnrollRequest demanding = request("demanding");
    demanding.volume.form = FormChoice::trusted;
    enroll(demanding, "a fifth passphrase");
    reboot();
    form = "user";
    EXPECT_EQ(load_plainly("default", BootJob::Kind::master), PlainOutcome::not_plain);
    expect_left_to_full("demanding");
    EXPECT_EQ(load_plainly("vault"), PlainOutcome::done);
    EXPECT_THAT(along(), IsEmpty());
}

TEST_F(PlainUnlockTest, AStopThatIsNotTheLastIsLeftToTheOther) {
    constexpr auto disk = "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n";
    const FakeProc fake;
    const PlainPlaces with_fakes{.root = root.string(),
                                 .sources = {.proc = fake.proc(), .sysfs = fake.sysfs()}};
    for (const bool keeps_keys : {false, true}) {
        change("vault", [&](Volume& volume) { volume.keep_keys = keeps_keys; });
        reboot();
        ASSERT_TRUE(load("vault"));
        const Left before = left();
        FakeBootKernel kernel{opener, keyring};
        fake.process("self", "sealmount",
                     disk + ("31 22 0:50 / /mnt/hand rw - ecryptfs " + root.string()) + "/srv/.vault rw\n",
                     "host");
        EXPECT_EQ(plain_unload(kernel, with_fakes, "vault"), PlainOutcome::not_plain);
        EXPECT_EQ(left(), before);
        fake.process("self", "sealmount", disk, "host");
        EXPECT_EQ(plain_unload(kernel, with_fakes, "vault"), PlainOutcome::done);
        EXPECT_EQ(left() == before, keeps_keys);
    }
}

} // namespace

} // namespace sealmount::testing
