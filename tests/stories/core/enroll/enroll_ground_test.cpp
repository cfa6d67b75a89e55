// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/volume/volume_ground.hpp"
#include "stories/fake_machine.hpp"

#include <gmock/gmock.h>

#include <fstream>

namespace sealmount::testing {

namespace {

using ::testing::Contains;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

/// What an enrollment records of the lower directory, and which directories it refuses.
class EnrollGroundTest : public FakeMachine {
  protected:
    Error refusal_of(const EnrollRequest& wanted) {
        const auto before = tree();
        try {
            enroll(wanted, vault_passphrase);
        } catch (const Error& error) {
            EXPECT_EQ(tree(), before) << "nothing may be written";
            return error;
        }
        ADD_FAILURE() << "was not refused";
        return Error{Reason::internal, ""};
    }

    EnrollDraft draft_of(const EnrollRequest& wanted) {
        return prepare_enrollment({.machine = machine, .store = store}, wanted);
    }

    [[nodiscard]] std::optional<Ground> recorded() const { return store.volume("vault").ground; }

    /// As a version of before grounds were recorded left it.
    void forget_ground() const {
        std::string text = store.manifest_text();
        const std::size_t comma = text.rfind(',', text.find("\"ground\""));
        text.erase(comma, text.find('}', comma) + 1 - comma);
        store.write_manifest(text);
        ASSERT_FALSE(recorded());
    }
};

TEST_F(EnrollGroundTest, WhatTheLowerDirectoryIsGoesIntoTheManifest) {
    enroll("vault", vault_passphrase);
    const auto look =
        look_at_lower(store.paths(), view_for(store.paths(), Viewer::this_process), store.volume("vault"));
    ASSERT_TRUE(look);
    EXPECT_EQ(recorded(), look->ground);
    EXPECT_TRUE(recorded()->empty);
}

TEST_F(EnrollGroundTest, AnEmptyDirectoryIsAWarningUnlessItIsMeant) {
    EnrollRequest wanted = request("vault");
    const auto is_about_empty = Field(&Problem::message, HasSubstr("/srv/.vault is empty"));
    EXPECT_THAT(draft_of(wanted).warnings, Contains(is_about_empty));
    wanted.may_be_empty = true;
    EXPECT_THAT(draft_of(wanted).warnings, Not(Contains(is_about_empty)));
}

TEST_F(EnrollGroundTest, EnrollingAgainRecordsWhatIsMissing) {
    enroll("vault", vault_passphrase);
    const auto before = recorded();
    forget_ground();
    EXPECT_THAT(enroll("vault", vault_passphrase).files, SizeIs(1));
    EXPECT_EQ(recorded(), before);
    EXPECT_THAT(enroll("vault", vault_passphrase).files, IsEmpty());
}

TEST_F(EnrollGroundTest, EnrollingAgainOnAnotherDirectoryIsRefused) {
    enroll("vault", vault_passphrase);
    store.write_manifest(
        manifest_with_ground(store.manifest_text(), "vault",
                             {.uuid = "0b5c1a5e-0000-4000-8000-000000000001", .inode = 1, .empty = false}));
    const Error refusal = refusal_of(request("vault"));
    EXPECT_THAT(refusal.what(), HasSubstr("/srv/.vault is another directory"));
    EXPECT_EQ(refusal.advice(), (Advice{.kind = AdviceKind::restore_ground, .subject = "vault"}));
}

TEST_F(EnrollGroundTest, OneLowerDirectoryIsOneVolume) {
    enroll("vault", vault_passphrase);
    EnrollRequest wanted = request("again");
    wanted.volume.lower = "/srv/.vault";
    const Error refusal = refusal_of(wanted);
    EXPECT_THAT(refusal.what(),
                HasSubstr("/srv/.vault is the lower directory of the volume \"vault\" already"));
    EXPECT_EQ(refusal.advice().kind, AdviceKind::separate_volumes);
    std::filesystem::create_directory(root / "srv/.vault/inner");
    wanted.volume.lower = "/srv/.vault/inner";
    EXPECT_THAT(refusal_of(wanted).what(), HasSubstr("lies in /srv/.vault"));
    wanted.volume.lower = "/srv";
    wanted.volume.mountpoint = "/clear";
    EXPECT_THAT(refusal_of(wanted).what(), HasSubstr("/srv holds /srv/.vault"));
}

TEST_F(EnrollGroundTest, AMountPointInItsOwnLowerDirectoryIsRefused) {
    EnrollRequest wanted = request("vault");
    wanted.volume.mountpoint = "/srv/.vault/clear";
    EXPECT_THAT(refusal_of(wanted).what(), HasSubstr("the mount point /srv/.vault/clear lies in"));
}

TEST_F(EnrollGroundTest, SymbolicLinksAreResolvedAndSaid) {
    std::filesystem::create_directory(root / "var");
    std::filesystem::create_directory_symlink("../srv", root / "var/link");
    EnrollRequest wanted = request("vault");
    wanted.volume.lower = "/var/link/.vault";
    wanted.volume.mountpoint = "/var/link/vault";
    const EnrollDraft draft = draft_of(wanted);
    EXPECT_EQ(draft.request.volume.lower, "/srv/.vault");
    EXPECT_EQ(draft.request.volume.mountpoint, "/srv/vault");
    EXPECT_THAT(draft.warnings,
                Contains(Field(&Problem::message, HasSubstr("/var/link/vault leads to /srv/vault"))));
}

TEST_F(EnrollGroundTest, LinksInTheSetupOfAUserAreRefused) {
    std::filesystem::create_directory_symlink("srv", root / "link");
    EnrollRequest wanted = request("vault");
    wanted.volume.mountpoint = "/link/vault";
    wanted.expected = ExpectedKeys{.signature = std::string{vault_signature},
                                   .filename_signature = std::nullopt,
                                   .said_by = "Private.sig"};
    EXPECT_THAT(refusal_of(wanted).what(),
                HasSubstr("/link/vault leads to /srv/vault through a symbolic link"));
}

} // namespace

} // namespace sealmount::testing
