// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/import/private_setup.hpp"
#include "stories/fake_machine.hpp"
#include "sys/files/guard.hpp"

#include <gmock/gmock.h>

#include <fstream>
#include <unistd.h>

namespace sealmount::testing {

namespace {

using ::testing::HasSubstr;

constexpr uid_t anna = 61234;

/// An enrollment of directories that a user has in her hands.
class EnrollPathsTest : public FakeMachine {
  protected:
    void SetUp() override {
        if (::geteuid() != 0) {
            GTEST_SKIP() << "only root can give directories to users";
        }
        for (const char* const directory :
             {"home/anna/.Private", "home/anna/Private", "home/anna/a/x", "etc"}) {
            std::filesystem::create_directories(root / directory);
        }
        for (const char* const directory :
             {"home/anna", "home/anna/.Private", "home/anna/Private", "home/anna/a"}) {
            give(directory);
        }
        if (const auto guarded = set_guard(root / "home/anna/a/x"); !guarded) {
            GTEST_SKIP() << guarded.error();
        }
        ASSERT_TRUE(lift_guard(root / "home/anna/a/x"));
    }

    void give(const std::string& directory, const uid_t user = anna) const {
        ASSERT_EQ(::chown((root / directory).c_str(), user, user), 0) << directory;
    }

    [[nodiscard]] EnrollRequest private_request() const {
        EnrollRequest wanted = request("vault");
        wanted.volume.lower = "/home/anna/.Private";
        wanted.volume.mountpoint = "/home/anna/Private";
        wanted.owner = anna;
        return wanted;
    }

    Error refusal_of(const EnrollRequest& wanted) {
        try {
            enroll(wanted, vault_passphrase);
        } catch (const Error& error) {
            return error;
        }
        ADD_FAILURE() << "was not refused";
        return Error{Reason::internal, ""};
    }

    /// What a user does while root types a passphrase.
    template<typename Attack>
    std::string refusal_after(const EnrollRequest& wanted, const Attack& attack) {
        const EnrollContext context{.machine = machine, .store = store};
        EnrollDraft draft = prepare_enrollment(context, wanted);
        attack();
        const SecretBytes typed = secret(vault_passphrase);
        PassphraseSource source{typed};
        try {
            static_cast<void>(sealmount::enroll(context, draft, source));
        } catch (const Error& error) {
            EXPECT_FALSE(std::filesystem::exists(store.paths().manifest()));
            return error.what();
        }
        ADD_FAILURE() << "was not refused";
        return {};
    }
};

TEST_F(EnrollPathsTest, APrivateDirectoryIsEnrolledUnderItsGuard) {
    EXPECT_TRUE(enroll(private_request(), vault_passphrase).guarded);
    EXPECT_TRUE(is_guarded(root / "home/anna/Private"));
}

TEST_F(EnrollPathsTest, WithoutTheGuardItIsNot) {
    EnrollRequest wanted = private_request();
    wanted.guard = false;
    const Error refusal = refusal_of(wanted);
    EXPECT_THAT(refusal.what(), HasSubstr("/home/anna/Private is not immutable"));
    EXPECT_EQ(refusal.advice().kind, AdviceKind::guard_mountpoint);
}

TEST_F(EnrollPathsTest, AMountPointBelowADirectoryOfAUserIsRefused) {
    EnrollRequest wanted = request("vault");
    wanted.volume.mountpoint = "/home/anna/a/x";
    const Error refusal = refusal_of(wanted);
    EXPECT_THAT(refusal.what(), HasSubstr("/home/anna/a can be replaced by user 61234"));
    EXPECT_EQ(refusal.advice().kind, AdviceKind::use_safe_mountpoint);
    EXPECT_FALSE(is_guarded(root / "home/anna/a/x"));
}

TEST_F(EnrollPathsTest, NoMountPointIsMadeInAUsersDirectory) {
    std::filesystem::remove(root / "home/anna/Private");
    EnrollRequest wanted = private_request();
    wanted.owner.reset();
    EXPECT_THAT(refusal_of(wanted).what(), HasSubstr("/home/anna/Private is missing"));
    EXPECT_FALSE(std::filesystem::exists(root / "home/anna/Private"));
}

TEST_F(EnrollPathsTest, ALinkThatIsSwappedInWhileRootTypesLeadsNowhere) {
    const auto attack = [&] {
        std::filesystem::remove(root / "home/anna/Private");
        std::filesystem::create_directory_symlink("../../etc/Private", root / "home/anna/Private");
    };
    EXPECT_THAT(refusal_after(private_request(), attack), HasSubstr("/home/anna/Private"));
    EXPECT_FALSE(std::filesystem::exists(root / "etc/Private")) << "root made it for her";
}

TEST_F(EnrollPathsTest, SoDoesOneOnTheWay) {
    std::filesystem::create_directories(root / "etc/pam.d");
    const auto attack = [&] {
        std::filesystem::rename(root / "home/anna/Private", root / "home/anna/old");
        std::filesystem::create_directory_symlink("../../etc/pam.d", root / "home/anna/Private");
    };
    EXPECT_THAT(refusal_after(private_request(), attack), HasSubstr("symbolic link"));
    EXPECT_FALSE(is_guarded(root / "etc/pam.d"));
}

TEST_F(EnrollPathsTest, ADirectoryOfSomebodyElseIsNotTakenInPlaceOfTheUsers) {
    EXPECT_THAT(refusal_after(private_request(), [&] { give("home/anna/Private", 61235); }),
                HasSubstr("/home/anna/Private belongs to user 61235 by now"));
    EXPECT_FALSE(is_guarded(root / "home/anna/Private"));
}

TEST_F(EnrollPathsTest, AtBootItIsRefusedOnceItsGuardIsGone) {
    enroll(private_request(), vault_passphrase);
    reboot();
    ASSERT_TRUE(load("vault"));
    reboot();
    ASSERT_TRUE(lift_guard(root / "home/anna/Private"));
    const auto unlocked = load("vault");
    ASSERT_FALSE(unlocked);
    EXPECT_EQ(unlocked.error().kind, RefusalKind::place_unsafe);
    EXPECT_TRUE(load_together().unlocks.empty());
    EXPECT_TRUE(keyring.volume_keys().empty());
}

} // namespace

} // namespace sealmount::testing
