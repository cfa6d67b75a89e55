// SPDX-License-Identifier: LGPL-2.1-or-later
#include "machine.hpp"

#include "core/encrypted_key.hpp"

#include <gmock/gmock.h>

#include <fstream>

namespace sealmount::testing {

namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr unsigned never = 1'000'000;

class EnrollTest : public Machine {
  protected:
    /// The error's words; fails when there is none.
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
};

TEST_F(EnrollTest, TheFirstEnrolmentMakesAMasterKey) {
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
    const std::string master = tree()["etc/sealmount/masters/default.json"];
    const Enrolled enrolled = enroll("notes", "another passphrase");
    EXPECT_FALSE(enrolled.new_master);
    EXPECT_EQ(tree()["etc/sealmount/masters/default.json"], master);
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
    EnrollRequest again = request("again");
    again.volume.lower = "/srv/.vault";
    const std::string words = refusal_of(again, "wrong", Reason::refused);
    EXPECT_THAT(words, HasSubstr(std::string{vault_signature}));
    EXPECT_THAT(words, HasSubstr("wrong passphrase"));
}

TEST_F(EnrollTest, NamesAndMountPointsAreTakenOnce) {
    enroll("vault", vault_passphrase);
    EXPECT_THAT(refusal_of(request("vault"), vault_passphrase, Reason::refused),
                HasSubstr("already has a volume"));
    EnrollRequest other = request("other");
    other.volume.mountpoint = "/srv/vault";
    EXPECT_THAT(refusal_of(other, vault_passphrase, Reason::refused), HasSubstr("is in use"));
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
    EXPECT_THAT(refusal_of(request("notes"), "another", Reason::refused), HasSubstr("PCR 7 expected"));
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
