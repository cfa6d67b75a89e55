// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "stories/fake_machine.hpp"

#include "core/ecryptfs/auth_token.hpp"
#include "core/ecryptfs/encrypted_key.hpp"
#include "core/ecryptfs/passphrase.hpp"
#include "sys/files/guard.hpp"

#include <gmock/gmock.h>

#include <algorithm>

#include <fstream>

namespace sealmount::testing {

namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr unsigned never = 1'000'000;

class EnrollTest : public FakeMachine {
  protected:
    /// The error message; fails when there is none.
    std::string refusal_of(const EnrollRequest& wanted, const std::string_view passphrase,
                           const Reason reason) {
        const auto before = tree();
        try {
            enroll(wanted, passphrase);
        } catch (const Error& error) {
            EXPECT_EQ(error.reason(), reason) << error.what();
            EXPECT_EQ(tree(), before) << "nothing may be written";
            return error.what();
        }
        ADD_FAILURE() << "was not refused";
        return {};
    }

    Enrolled enroll_from_keyring(const EnrollRequest& wanted) {
        const EnrollContext context{.machine = machine, .store = store};
        EnrollDraft draft = prepare_enrollment(context, wanted);
        const KeyringKeys& keys = wanted.from_keyring.value();
        KeyringSource source{keyring, keys.signature, keys.filename_signature};
        return sealmount::enroll(context, draft, source);
    }

    Problem keyring_refusal_of(const EnrollRequest& wanted, const Reason reason) {
        try {
            enroll_from_keyring(wanted);
        } catch (const Error& error) {
            EXPECT_EQ(error.reason(), reason) << error.what();
            EXPECT_THAT(tree(), IsEmpty()) << "nothing may be written";
            return {.message = error.what(), .advice = error.advice()};
        }
        ADD_FAILURE() << "was not refused";
        return {};
    }

    /// As ecryptfs-add-passphrase puts it there.
    void add_token(const std::string_view passphrase, const Salt& salt) {
        const Fekek fekek = derive_fekek(secret(passphrase), salt);
        std::vector<std::byte> token(auth_token_size);
        token[0] = std::byte{4};
        std::ranges::copy(fekek.key.bytes(), token.begin() + 0x288);
        std::ranges::transform(fekek.signature, token.begin() + 0x288 + fekek_size,
                               [](const char c) { return static_cast<std::byte>(c); });
        keyring.add_user_key(fekek.signature, token);
    }

    EnrollRequest keyring_request(const std::string& name) const {
        EnrollRequest wanted = request(name);
        wanted.from_keyring = KeyringKeys{
            .signature = std::string{vault_signature}, .filename_signature = std::nullopt, .drop = false};
        return wanted;
    }
};

TEST_F(EnrollTest, TheFirstEnrollmentMakesAMasterKey) {
    const Enrolled enrolled = enroll("vault", vault_passphrase);
    EXPECT_TRUE(enrolled.new_master);
    EXPECT_TRUE(enrolled.new_srk);
    EXPECT_TRUE(enrolled.proved_in_kernel);
    EXPECT_EQ(enrolled.volume.signature, vault_signature);
    EXPECT_THAT(enrolled.files,
                ElementsAre(HasSubstr("masters/default.json"), HasSubstr("keys/7f475b5d20a645dc.key"),
                            HasSubstr("manifest.json")));
    EXPECT_EQ(master_description_of(store.key(vault_signature)), "trusted:default");
    EXPECT_THAT(keyring.volume_keys(), IsEmpty()) << "it proves in the process's own keyring";
}

TEST_F(EnrollTest, TheSecondUsesTheMasterKeyAsItIs) {
    enroll("vault", vault_passphrase);
    const MasterFile before = store.master("default");
    const Enrolled enrolled = enroll("notes", "another passphrase");
    EXPECT_FALSE(enrolled.new_master);
    const MasterFile after = store.master("default");
    EXPECT_EQ(after.slots, before.slots);
    EXPECT_EQ(after.key_proofs.size(), before.key_proofs.size() + 1) << "the new key proves it as well";
}

TEST_F(EnrollTest, TheFirstStorageRootKeyIsTrustedUnlessSystemdKnowsAnother) {
    chip.make_srk();
    EXPECT_EQ(enroll("vault", vault_passphrase).srk->trust, SrkTrust::first_use);
    EXPECT_FALSE(enroll("notes", "another passphrase").srk) << "its master key is there";
    EnrollRequest third = request("third");
    third.volume.master = "third";
    EXPECT_EQ(enroll(third, "a third passphrase").srk->trust, SrkTrust::pinned);
}

TEST_F(EnrollTest, SystemdsNoteOfTheStorageRootKeyIsCompared) {
    chip.make_srk();
    const auto note = root / "run/systemd/tpm2-srk-public-key.tpm2b_public";
    std::filesystem::create_directories(note.parent_path());
    const std::string another{"\0\4\0\x23\0\x0b", 6};
    write_file_atomically(note, another, 0444);
    EXPECT_THAT(refusal_of(request("vault"), vault_passphrase, Reason::refused),
                HasSubstr("is not that of " + note.string()));
    write_file_atomically(note, "something else", 0444);
    EXPECT_THAT(refusal_of(request("vault"), vault_passphrase, Reason::bad_data), HasSubstr(note.string()));
    std::filesystem::remove(note);
    const auto kept = root / "var/lib/systemd/tpm2-srk-public-key.tpm2b_public";
    std::filesystem::create_directories(kept.parent_path());
    write_file_atomically(kept, another, 0444);
    EXPECT_THAT(refusal_of(request("vault"), vault_passphrase, Reason::refused), HasSubstr(kept.string()));
}

TEST_F(EnrollTest, AnotherTpmIsNotForANewMasterKeyEither) {
    enroll("vault", vault_passphrase);
    chip.clear();
    EnrollRequest second = request("second");
    second.volume.master = "second";
    EXPECT_THAT(refusal_of(second, "another passphrase", Reason::refused),
                HasSubstr("is not that of the master key \"default\""));
    EXPECT_FALSE(chip.has_srk());
    chip.make_srk();
    EXPECT_THAT(refusal_of(second, "another passphrase", Reason::refused),
                HasSubstr("is not that of the master key \"default\""));
}

TEST_F(EnrollTest, AnExistingStorageRootKeyIsUsed) {
    chip.make_srk();
    EXPECT_FALSE(enroll("vault", vault_passphrase).new_srk);
}

TEST_F(EnrollTest, ASharedPassphraseKeepsItsKeyFile) {
    enroll("vault", vault_passphrase);
    const std::string key = tree()["etc/sealmount/keys/7f475b5d20a645dc.key"];
    enroll("more", vault_passphrase);
    EXPECT_EQ(tree()["etc/sealmount/keys/7f475b5d20a645dc.key"], key);
}

TEST_F(EnrollTest, AWrongPassphraseForAnEnrolledDirectoryNamesBothKeys) {
    enroll("vault", vault_passphrase);
    const std::string message = refusal_of(request("vault"), "wrong", Reason::refused);
    EXPECT_THAT(message, HasSubstr(std::string{vault_signature}));
    EXPECT_THAT(message, HasSubstr("wrong passphrase"));
}

TEST_F(EnrollTest, NamesAndMountPointsAreTakenOnce) {
    enroll("vault", vault_passphrase);
    EnrollRequest other = request("other");
    other.volume.name = "vault";
    EXPECT_THAT(refusal_of(other, vault_passphrase, Reason::refused), HasSubstr("already has a volume"));
    other = request("other");
    other.volume.mountpoint = "/srv/vault";
    EXPECT_THAT(refusal_of(other, vault_passphrase, Reason::refused), HasSubstr("is in use"));
}

TEST_F(EnrollTest, EnrollingAgainFindsNothingToDo) {
    enroll("vault", vault_passphrase);
    const auto before = tree();
    const Enrolled again = enroll("vault", vault_passphrase);
    EXPECT_THAT(again.files, IsEmpty());
    EXPECT_FALSE(again.new_master);
    EXPECT_EQ(tree(), before);
    refusal_of(request("vault"), "wrong", Reason::refused);
}

TEST_F(EnrollTest, EnrollingAgainDoesNotChangeSettings) {
    enroll("vault", vault_passphrase);
    EnrollRequest wanted = request("vault");
    wanted.volume.headless = true;
    EXPECT_THAT(refusal_of(wanted, vault_passphrase, Reason::refused), HasSubstr("other settings"));
}

TEST_F(EnrollTest, EnrollingAgainRepairsWhatIsMissingOrDamaged) {
    enroll("vault", vault_passphrase);
    const std::filesystem::path key = store.paths().key(vault_signature);
    std::filesystem::remove(key);
    EXPECT_THAT(enroll("vault", vault_passphrase).files, ElementsAre(HasSubstr("7f475b5d20a645dc.key")));
    std::ofstream{key} << "damaged";
    EXPECT_THAT(enroll("vault", vault_passphrase).files, ElementsAre(HasSubstr("7f475b5d20a645dc.key")));
    std::filesystem::remove(store.paths().master("default"));
    EXPECT_TRUE(enroll("vault", vault_passphrase).new_master);
    reboot();
    ASSERT_TRUE(load("vault"));
    EXPECT_THAT(reported.refusals, IsEmpty());
    unload("vault");
}

TEST_F(EnrollTest, AKeyInTheKeyringReplacesThePassphrase) {
    add_token(vault_passphrase, content_salt);
    const Enrolled enrolled = enroll_from_keyring(keyring_request("vault"));
    EXPECT_EQ(enrolled.volume.signature, vault_signature);
    EXPECT_TRUE(enrolled.proved_in_kernel);
    EXPECT_THAT(enrolled.warnings,
                ::testing::Contains(
                    AllOf(Field(&Problem::message, HasSubstr("eCryptfs prefers it")),
                          Field(&Problem::advice, (Advice{.kind = AdviceKind::unlink_user_key,
                                                          .subject = std::string{vault_signature}})))));
    EXPECT_TRUE(keyring.has_user_key(vault_signature));
    const auto before = tree();
    enroll("vault", vault_passphrase);
    EXPECT_EQ(tree(), before) << "the passphrase makes the same";
}

TEST_F(EnrollTest, AKeyIsDroppedFromTheKeyringOnRequest) {
    add_token(vault_passphrase, content_salt);
    add_token(vault_passphrase, filename_salt);
    EnrollRequest wanted = keyring_request("vault");
    wanted.filename_encryption = true;
    wanted.from_keyring->filename_signature = vault_filename_signature;
    wanted.from_keyring->drop = true;
    const Enrolled enrolled = enroll_from_keyring(wanted);
    EXPECT_EQ(enrolled.volume.filename_signature, vault_filename_signature);
    EXPECT_FALSE(keyring.has_user_key(vault_signature));
    EXPECT_FALSE(keyring.has_user_key(vault_filename_signature));
    EXPECT_THAT(enrolled.warnings,
                ::testing::Not(::testing::Contains(Field(&Problem::message, HasSubstr("keyring")))));
}

TEST_F(EnrollTest, AFailedEnrollmentDropsNoKey) {
    add_token(vault_passphrase, content_salt);
    EnrollRequest wanted = keyring_request("vault");
    wanted.from_keyring->drop = true;
    std::filesystem::create_directories(root / "etc/sealmount/manifest.json/in the way");
    EXPECT_THROW(enroll_from_keyring(wanted), Error);
    EXPECT_TRUE(keyring.has_user_key(vault_signature));
}

TEST_F(EnrollTest, AKeyThatIsNotInTheKeyringIsAskedFor) {
    EXPECT_EQ(keyring_refusal_of(keyring_request("vault"), Reason::no_input).advice.kind,
              AdviceKind::add_user_key);
    add_token(vault_passphrase, content_salt);
    EnrollRequest wanted = keyring_request("vault");
    wanted.filename_encryption = true;
    EXPECT_EQ(keyring_refusal_of(wanted, Reason::usage).advice.kind, AdviceKind::name_filename_key);
    wanted.from_keyring->filename_signature = vault_filename_signature;
    EXPECT_EQ(keyring_refusal_of(wanted, Reason::no_input).advice.kind, AdviceKind::add_both_user_keys);
}

TEST_F(EnrollTest, AUserKeyThatIsNoTokenIsRefused) {
    keyring.add_user_key(std::string{vault_signature});
    const Problem refusal = keyring_refusal_of(keyring_request("vault"), Reason::bad_data);
    EXPECT_THAT(refusal.message, HasSubstr("is not an eCryptfs key: it holds 1 bytes"));
    EXPECT_EQ(refusal.advice.kind, AdviceKind::renew_user_key);
}

TEST_F(EnrollTest, TheKeyInTheKeyringMustBeThatOfTheDirectory) {
    enroll("vault", "another passphrase");
    add_token(vault_passphrase, content_salt);
    const EnrollRequest wanted = keyring_request("vault");
    const auto before = tree();
    try {
        enroll_from_keyring(wanted);
        ADD_FAILURE() << "was not refused";
    } catch (const Error& error) {
        EXPECT_THAT(error.what(), HasSubstr("the key in the keyring is 7f475b5d20a645dc"));
    }
    EXPECT_EQ(tree(), before);
}

TEST_F(EnrollTest, TheMountPointIsGuardedUntilTheVolumeIsRemoved) {
    const Enrolled enrolled = enroll("vault", vault_passphrase);
    if (!enrolled.guarded) {
        GTEST_SKIP() << enrolled.warnings.front().message;
    }
    EXPECT_TRUE(is_guarded(root / "srv/vault"));
    EXPECT_FALSE(std::ofstream{root / "srv/vault/file"}.is_open());
    EXPECT_THAT(remove_volume(store, "vault").warnings, IsEmpty());
    EXPECT_FALSE(is_guarded(root / "srv/vault"));
}

TEST_F(EnrollTest, WithoutAGuardTheMountPointIsLeftAlone) {
    EnrollRequest wanted = request("vault");
    wanted.guard = false;
    EXPECT_FALSE(enroll(wanted, vault_passphrase).guarded);
    EXPECT_FALSE(std::filesystem::exists(root / "srv/vault"));
}

TEST_F(EnrollTest, AVolumeOnItsOwnLowerDirectoryIsNotGuarded) {
    EnrollRequest wanted = request("vault");
    wanted.volume.mountpoint = wanted.volume.lower;
    const Enrolled enrolled = enroll(wanted, vault_passphrase);
    EXPECT_FALSE(enrolled.guarded);
    EXPECT_THAT(enrolled.warnings, IsEmpty());
    EXPECT_FALSE(is_guarded(root / "srv/.vault"));
}

TEST_F(EnrollTest, AMountPointThatCannotBeMadeIsAWarning) {
    EnrollRequest wanted = request("vault");
    std::ofstream{root / "srv/file"} << "in the way";
    wanted.volume.mountpoint = "/srv/file/vault";
    const Enrolled enrolled = enroll(wanted, vault_passphrase);
    EXPECT_FALSE(enrolled.guarded);
    EXPECT_THAT(enrolled.warnings,
                ElementsAre(AllOf(Field(&Problem::message, HasSubstr("cannot be guarded")),
                                  Field(&Problem::advice, Advice{.kind = AdviceKind::guard_by_hand}))));
}

TEST_F(EnrollTest, AFailedEnrollmentLeavesTheMountPointAsItWas) {
    std::filesystem::create_directories(root / "etc/sealmount/keys/7f475b5d20a645dc.key/full");
    EnrollRequest wanted = request("vault");
    wanted.volume.mountpoint = "/srv/new/vault";
    EXPECT_THROW(enroll(wanted, vault_passphrase), Error);
    EXPECT_FALSE(std::filesystem::exists(root / "srv/new"));
    std::filesystem::create_directories(root / "srv/new/vault");
    EXPECT_THROW(enroll(wanted, vault_passphrase), Error);
    EXPECT_FALSE(is_guarded(root / "srv/new/vault"));
}

TEST_F(EnrollTest, WithoutATpmNothingIsWritten) {
    opener.set_absent(true);
    refusal_of(request("vault"), vault_passphrase, Reason::unavailable);
    EXPECT_THAT(tree(), IsEmpty());
}

TEST_F(EnrollTest, AnOwnerPasswordIsRefusedWithTheReason) {
    chip.set_owner_password(true);
    refusal_of(request("vault"), vault_passphrase, Reason::refused);
}

TEST_F(EnrollTest, AMasterKeyThatDoesNotOpenIsNotUsed) {
    enroll("vault", vault_passphrase);
    chip.extend(7, "x");
    EXPECT_THAT(refusal_of(request("notes"), "another", Reason::refused),
                HasSubstr("slot 1: PCR 7 (Secure Boot policy, sha256) expected"));
}

TEST_F(EnrollTest, ADirectoryOfPlainFilesIsNotALowerDirectory) {
    const EnrollRequest vault = request("vault");
    std::ofstream{root / "srv/.vault/readme"} << "plain text";
    EXPECT_THAT(refusal_of(vault, vault_passphrase, Reason::refused), HasSubstr("none that eCryptfs wrote"));
}

TEST_F(EnrollTest, AFailedWriteTakesBackWhatWasNew) {
    // A directory where the key file has to go: renaming onto it fails, after the master was written.
    std::filesystem::create_directories(root / "etc/sealmount/keys/7f475b5d20a645dc.key/full");
    EXPECT_THROW(enroll("vault", vault_passphrase), Error);
    EXPECT_FALSE(store.has_master("default"));
    EXPECT_EQ(store.manifest_text(), "");
}

TEST_F(EnrollTest, WhereverTheTpmGivesWayNothingIsWritten) {
    for (unsigned calls = 0;; ++calls) {
        chip.fail_after(calls);
        try {
            enroll("vault", vault_passphrase);
        } catch (const Error&) { // NOLINT(bugprone-empty-catch): what matters is what stays
        }
        EXPECT_EQ(chip.open_sessions(), 0U) << "after " << calls << " commands";
        EXPECT_EQ(keyring.masters(), 0U) << "after " << calls << " commands";
        if (!chip.fault().struck()) {
            EXPECT_GT(calls, 5U) << "the walk went somewhere";
            break;
        }
        EXPECT_THAT(tree(), IsEmpty()) << "after " << calls << " commands";
    }
    chip.fail_after(never);
    reboot();
    EXPECT_TRUE(load("vault"));
}

TEST_F(EnrollTest, WhereverTheKeyringGivesWayNothingIsWritten) {
    for (unsigned calls = 0;; ++calls) {
        keyring.fail_after(calls);
        try {
            enroll("vault", vault_passphrase);
        } catch (const Error&) { // NOLINT(bugprone-empty-catch): what matters is what stays
        }
        keyring.end_process();
        EXPECT_THAT(keyring.volume_keys(), IsEmpty()) << "after " << calls << " calls";
        if (!keyring.fault().struck() || !tree().empty()) {
            EXPECT_GT(calls, 2U) << "the walk went somewhere";
            break; // the last call only drops the master key of a process that ends
        }
    }
    keyring.fail_after(never);
    reboot();
    EXPECT_TRUE(load("vault"));
}

TEST_F(EnrollTest, RemovingTakesWhatNobodyElseUses) {
    EnrollRequest vault = request("vault");
    vault.filename_encryption = true;
    enroll(vault, vault_passphrase);
    enroll("more", vault_passphrase);
    EXPECT_THAT(remove_volume(store, "vault").files,
                ElementsAre(HasSubstr("manifest.json"), HasSubstr(std::string{vault_filename_signature})));
    reboot();
    ASSERT_TRUE(load("more"));
    EXPECT_THAT(remove_volume(store, "more").files,
                ElementsAre(HasSubstr("manifest.json"), HasSubstr("7f475b5d20a645dc.key"),
                            HasSubstr("default.json")));
    unload("more");
}

} // namespace

} // namespace sealmount::testing
