// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/enroll/enroll_group.hpp"
#include "core/master/recovery_key.hpp"
#include "core/slots/rotate.hpp"
#include "stories/fake_machine.hpp"
#include "sys/crypto/crypto.hpp"
#include "sys/files/guard.hpp"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace sealmount::testing {

namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr unsigned no_fault = 1'000'000;

SecretBytes raw_key(std::string text) {
    text.resize(fekek_size, '-');
    return secret(text);
}

/// Volumes with raw keys, which cost no time.
class GroupTest : public FakeMachine {
  protected:
    /// Adds them to the group; those that are refused are not in it. The key is made from the name.
    static void add_all(EnrollGroup& group, EnrollSession& session,
                        const std::vector<EnrollRequest>& wanted) {
        for (const EnrollRequest& one : wanted) {
            try {
                EnrollDraft draft = prepare_enrollment(session, one);
                FekekSource source{raw_key(one.volume.name)};
                group.add(draft, source);
            } catch (const Error&) { // NOLINT(bugprone-empty-catch): what matters is what comes of the others
            }
        }
    }

    static std::vector<EnrollGroup::Outcome> enroll_all(EnrollSession& session,
                                                        const std::vector<EnrollRequest>& wanted) {
        EnrollGroup group{session};
        add_all(group, session, wanted);
        return group.commit();
    }

    std::vector<std::string> names_in_manifest() const {
        std::vector<std::string> names;
        for (const Volume& volume : store.manifest().volumes) {
            names.push_back(volume.name);
        }
        return names;
    }

    void expect_open(const std::vector<std::string>& names) {
        reboot();
        for (const std::string& name : names) {
            EXPECT_TRUE(load(name)) << name;
        }
        EXPECT_THAT(reported.refusals, IsEmpty());
        for (const std::string& name : names) {
            unload(name);
        }
    }

    /// Where a volume's key file has to go.
    void block_key_of(const std::string& name) const {
        std::filesystem::create_directories(store.paths().key(signature_of(raw_key(name))) / "full");
    }

    const EnrollContext context{.machine = machine, .store = store};
};

TEST_F(GroupTest, AllAreCommittedAtOnce) {
    EnrollSession session{context};
    const auto outcomes = enroll_all(session, {request("a"), request("b"), request("c")});
    ASSERT_THAT(outcomes, SizeIs(3));
    for (const auto& outcome : outcomes) {
        ASSERT_TRUE(outcome);
        EXPECT_TRUE(outcome->proved_in_kernel);
        EXPECT_EQ(outcome->guarded, is_guarded(root / "srv" / outcome->volume.name));
    }
    EXPECT_THAT(outcomes[0]->files,
                ElementsAre(HasSubstr("default.json"), HasSubstr(outcomes[0]->volume.signature),
                            HasSubstr("manifest.json")));
    EXPECT_THAT(outcomes[1]->files,
                ElementsAre(HasSubstr(outcomes[1]->volume.signature), HasSubstr("manifest.json")));
    EXPECT_TRUE(outcomes[0]->new_master);
    EXPECT_TRUE(outcomes[0]->new_srk);
    EXPECT_FALSE(outcomes[1]->new_master);
    EXPECT_FALSE(outcomes[1]->new_srk);
    EXPECT_THAT(names_in_manifest(), ElementsAre("a", "b", "c"));
}

TEST_F(GroupTest, TheTpmIsAskedOnceForAllGroups) {
    {
        EnrollSession session{context};
        enroll_all(session, {request("a")});
        const unsigned commands = chip.commands();
        const unsigned opened = opener.opened();
        EXPECT_THAT(enroll_all(session, {request("b"), request("c")}), SizeIs(2));
        EXPECT_THAT(enroll_all(session, {request("d")}), SizeIs(1));
        EXPECT_EQ(chip.commands(), commands);
        EXPECT_EQ(opener.opened(), opened);
    }
    expect_open({"a", "b", "c", "d"});
}

TEST_F(GroupTest, AForgottenMasterKeyIsUnsealedAgain) {
    {
        EnrollSession session{context};
        enroll_all(session, {request("a")});
        const std::size_t secrets = SecretBytes::alive();
        session.forget_keys();
        EXPECT_LT(SecretBytes::alive(), secrets);
        EXPECT_EQ(keyring.masters(), 0U);
        const unsigned commands = chip.commands();
        const auto outcomes = enroll_all(session, {request("b")});
        EXPECT_FALSE(outcomes.front()->new_master);
        EXPECT_GT(chip.commands(), commands);
    }
    expect_open({"a", "b"});
}

TEST_F(GroupTest, RunAgainTheyAreFoundAsTheyAre) {
    const std::vector<EnrollRequest> wanted = {request("a"), request("b")};
    {
        EnrollSession session{context};
        enroll_all(session, wanted);
    }
    const auto before = tree();
    EnrollSession session{context};
    for (const auto& outcome : enroll_all(session, wanted)) {
        EXPECT_THAT(outcome->files, IsEmpty());
        EXPECT_FALSE(outcome->new_master);
    }
    EXPECT_EQ(tree(), before);
}

TEST_F(GroupTest, OneKeyForTwoIsOneFile) {
    EnrollSession session{context};
    const EnrollRequest first = request("a");
    const EnrollRequest second = request("b");
    EnrollGroup group{session};
    for (const EnrollRequest* const one : {&first, &second}) {
        EnrollDraft draft = prepare_enrollment(session, *one);
        FekekSource source{raw_key("the same")};
        group.add(draft, source);
    }
    const auto outcomes = group.commit();
    EXPECT_THAT(outcomes[0]->files, SizeIs(3));
    EXPECT_THAT(outcomes[1]->files, ElementsAre(HasSubstr("manifest.json")));
}

TEST_F(GroupTest, ARefusedVolumeIsNotInTheGroup) {
    EnrollSession session{context};
    EnrollRequest second = request("b");
    second.volume.mountpoint = "/srv/a";
    const auto outcomes = enroll_all(session, {request("a"), second, request("c")});
    EXPECT_THAT(outcomes, SizeIs(2));
    EXPECT_THAT(names_in_manifest(), ElementsAre("a", "c"));
}

TEST_F(GroupTest, OneThatCannotBeWrittenCostsOnlyItself) {
    {
        EnrollSession session{context};
        block_key_of("b");
        const auto outcomes = enroll_all(session, {request("a"), request("b"), request("c")});
        ASSERT_THAT(outcomes, SizeIs(3));
        EXPECT_TRUE(outcomes[0]);
        ASSERT_FALSE(outcomes[1]);
        EXPECT_EQ(outcomes[1].error().reason(), Reason::cannot_create);
        EXPECT_TRUE(outcomes[2]);
        EXPECT_FALSE(std::filesystem::exists(root / "srv/b"));
        EXPECT_THAT(names_in_manifest(), ElementsAre("a", "c"));
        // What did not come to be is not in the way of what follows.
        EnrollRequest next = request("d");
        next.volume.mountpoint = "/srv/b";
        EXPECT_TRUE(enroll_all(session, {next}).front());
    }
    expect_open({"a", "c", "d"});
}

TEST_F(GroupTest, IfTheFirstCannotBeWrittenTheNextMakesTheMasterKey) {
    {
        EnrollSession session{context};
        block_key_of("a");
        const auto outcomes = enroll_all(session, {request("a"), request("b")});
        EXPECT_FALSE(outcomes[0]);
        ASSERT_TRUE(outcomes[1]);
        EXPECT_TRUE(outcomes[1]->new_master);
        EXPECT_TRUE(outcomes[1]->new_srk);
    }
    expect_open({"b"});
}

TEST_F(GroupTest, AGroupThatCannotBeWrittenIsTakenBack) {
    EnrollSession session{context};
    EnrollGroup group{session};
    add_all(group, session, {request("a"), request("b")});
    std::filesystem::create_directories(root / "etc/sealmount");
    std::ofstream{store.paths().keys()} << "in the way";
    for (const auto& outcome : group.commit()) {
        ASSERT_FALSE(outcome);
        EXPECT_THAT(outcome.error().what(), HasSubstr("etc/sealmount/keys"));
    }
    EXPECT_THAT(tree(), SizeIs(1)) << "the file in the way";
    EXPECT_FALSE(std::filesystem::exists(root / "srv/a"));
    EXPECT_FALSE(std::filesystem::exists(root / "srv/b"));
}

TEST_F(GroupTest, AParentThatTwoHaveMadeIsTakenBack) {
    EnrollSession session{context};
    EnrollRequest first = request("a");
    first.volume.mountpoint = "/srv/new/a";
    EnrollRequest second = request("b");
    second.volume.mountpoint = "/srv/new/b";
    EnrollGroup group{session};
    add_all(group, session, {first, second});
    std::filesystem::create_directories(root / "etc/sealmount");
    std::ofstream{store.paths().keys()} << "in the way";
    static_cast<void>(group.commit());
    EXPECT_FALSE(std::filesystem::exists(root / "srv/new"));
}

TEST_F(GroupTest, AGroupThatIsGivenUpLeavesNothing) {
    EnrollSession session{context};
    {
        EnrollGroup group{session};
        add_all(group, session, {request("a")});
    }
    EXPECT_THAT(tree(), IsEmpty());
    EnrollRequest other = request("b");
    other.volume.mountpoint = "/srv/a";
    EXPECT_TRUE(enroll_all(session, {other}).front());
}

TEST_F(GroupTest, WhatIsEditedWithoutTheLockStays) {
    EnrollSession session{context};
    Volume other = request("by-hand").volume;
    other.signature = vault_signature;
    other.key_bytes = other.filename_key_bytes = 16;
    {
        EnrollGroup group{session};
        add_all(group, session, {request("a")});
        store.write_manifest(manifest_with(store.manifest_text(), other));
        EXPECT_TRUE(group.commit().front());
    }
    EXPECT_THAT(names_in_manifest(), ElementsAre("by-hand", "a"));
    EnrollRequest same_place = request("b");
    same_place.volume.mountpoint = "/srv/by-hand";
    EXPECT_THAT(enroll_all(session, {same_place}), IsEmpty()) << "the next group knows of it";
}

TEST_F(GroupTest, AMasterKeyThatWasReplacedBetweenTwoGroupsIsUnsealedAgain) {
    {
        EnrollSession session{context};
        enroll_all(session, {request("a")});
        const SlotContext slots{.machine = machine, .store = store};
        rotate(slots, open_master(slots, "default"));
        const auto outcomes = enroll_all(session, {request("b")});
        ASSERT_TRUE(outcomes.front());
        EXPECT_TRUE(outcomes.front()->proved_in_kernel);
    }
    expect_open({"a", "b"});
}

TEST_F(GroupTest, AMasterKeyThatIsRefusedIsNotTriedForEachVolume) {
    enroll("vault", vault_passphrase);
    chip.extend(7, "x");
    EnrollSession session{context};
    EXPECT_THAT(enroll_all(session, {request("a")}), IsEmpty());
    const unsigned commands = chip.commands();
    EXPECT_THAT(enroll_all(session, {request("b"), request("c")}), IsEmpty());
    EXPECT_EQ(chip.commands(), commands);
}

TEST_F(GroupTest, TheRecoveryKeyIsInTheSlotOfTheFirst) {
    const SecretBytes recovery = random_secret(recovery_key_size);
    std::vector<EnrollRequest> wanted = {request("a"), request("b")};
    for (EnrollRequest& one : wanted) {
        one.recovery_key = &recovery;
    }
    EnrollSession session{context};
    const auto outcomes = enroll_all(session, wanted);
    EXPECT_TRUE(outcomes[0]->recovery_slot);
    EXPECT_FALSE(outcomes[1]->recovery_slot);
    EXPECT_TRUE(open_with_recovery_key("default", store.master("default"), recovery));
}

TEST_F(GroupTest, APolicyThatProtectsLittleIsSaidOnce) {
    EnrollSession session{context};
    EnrollRequest first = request("a");
    EnrollRequest second = request("b");
    first.may_be_empty = second.may_be_empty = true;
    EXPECT_THAT(prepare_enrollment(session, first).warnings, SizeIs(1)) << "PCR 7 is all zero";
    EXPECT_THAT(prepare_enrollment(session, second).warnings, IsEmpty());
}

TEST_F(GroupTest, OneLowerDirectoryIsOneVolumeOfTheGroup) {
    std::filesystem::create_directories(root / "srv/.a/inner");
    EnrollRequest same = request("b");
    same.volume.lower = "/srv/.a";
    EnrollRequest inner = request("c");
    inner.volume.lower = "/srv/.a/inner";
    EnrollSession session{context};
    // As a batch does: all are looked at before the first is added.
    EnrollDraft first = prepare_enrollment(session, request("a"));
    std::vector<EnrollDraft> others;
    others.push_back(prepare_enrollment(session, same));
    others.push_back(prepare_enrollment(session, inner));
    {
        EnrollGroup group{session};
        FekekSource source{raw_key("a")};
        group.add(first, source);
        for (EnrollDraft& other : others) {
            FekekSource another{raw_key(other.request.volume.name)};
            try {
                group.add(other, another);
                ADD_FAILURE() << other.request.volume.name;
            } catch (const Error& error) {
                EXPECT_EQ(error.advice().kind, AdviceKind::separate_volumes) << error.what();
            }
        }
        EXPECT_TRUE(group.commit().front());
    }
    EXPECT_THAT(enroll_all(session, {same, inner}), IsEmpty()) << "the next group knows of it";
    EXPECT_THAT(names_in_manifest(), ElementsAre("a"));
}

TEST_F(GroupTest, WhatDidNotComeToBeTakesNoPlace) {
    EnrollSession session{context};
    block_key_of("a");
    EXPECT_FALSE(enroll_all(session, {request("a")}).front());
    EnrollRequest same = request("b");
    same.volume.lower = "/srv/.a";
    // As a batch does: it is looked at before the next group is begun.
    EnrollDraft draft = prepare_enrollment(session, same);
    FekekSource source{raw_key("b")};
    EnrollGroup group{session};
    group.add(draft, source);
    EXPECT_TRUE(group.commit().front());
    EXPECT_THAT(names_in_manifest(), ElementsAre("b"));
}

TEST_F(GroupTest, GroundsOfListedVolumesAreRecordedWithTheNewOnes) {
    std::vector<EnrollRequest> wanted = {request("a"), request("b")};
    {
        EnrollSession session{context};
        enroll_all(session, wanted);
    }
    const std::vector<Volume> before = store.manifest().volumes;
    // As a version of before grounds were recorded left it.
    std::vector<Volume> old = before;
    for (Volume& volume : old) {
        ASSERT_TRUE(volume.ground);
        volume.ground.reset();
    }
    store.write_manifest(manifest_with("", old));
    EnrollSession session{context};
    wanted.push_back(request("c"));
    const auto outcomes = enroll_all(session, wanted);
    ASSERT_THAT(outcomes, SizeIs(3));
    EXPECT_THAT(outcomes[0]->files,
                ElementsAre(HasSubstr("masters/default.json"), HasSubstr("manifest.json")))
        << "the new key proves the master key's file";
    EXPECT_THAT(outcomes[1]->files, ElementsAre(HasSubstr("manifest.json")));
    EXPECT_THAT(outcomes[2]->files,
                ElementsAre(HasSubstr(outcomes[2]->volume.signature), HasSubstr("manifest.json")));
    EXPECT_EQ(store.volume("a"), before[0]);
    EXPECT_EQ(store.volume("b"), before[1]);
    EXPECT_TRUE(store.volume("c").ground);
    for (const auto& outcome : enroll_all(session, wanted)) {
        EXPECT_THAT(outcome->files, IsEmpty());
    }
}

TEST_F(GroupTest, WhereverTheTpmGivesWayTheOthersOpen) {
    for (unsigned calls = 0;; ++calls) {
        chip.fail_after(calls);
        try {
            EnrollSession session{context};
            enroll_all(session, {request("a"), request("b")});
        } catch (const Error&) { // NOLINT(bugprone-empty-catch): what matters is what stays
        }
        const bool struck = chip.fault().struck();
        chip.fail_after(no_fault);
        EXPECT_EQ(chip.open_sessions(), 0U) << "after " << calls << " commands";
        EXPECT_EQ(keyring.masters(), 0U) << "after " << calls << " commands";
        expect_open(names_in_manifest());
        for (const std::string& name : names_in_manifest()) {
            EXPECT_THAT(remove_volume(store, name).files, ::testing::Not(IsEmpty()));
        }
        EXPECT_THAT(tree(), SizeIs(::testing::Le(1))) << "but for an empty manifest, after " << calls;
        std::filesystem::remove_all(store.paths().configuration());
        if (!struck) {
            EXPECT_GT(calls, 5U) << "the walk went somewhere";
            break;
        }
    }
}

} // namespace

} // namespace sealmount::testing
