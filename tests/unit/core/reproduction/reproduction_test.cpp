// From a machine's files and its log to the next boot.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/reproduction/found_environment.hpp"
#include "core/reproduction/grub_outlook.hpp"
#include "unit/core/reproduction/grub_tree.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sealmount {

using test::environment_block;
using test::GrubTree;
using test::sha256_bank;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class ReproductionTest : public testing::Test {
  protected:
    std::vector<GrubOutlook> look() { return grub_outlooks(tree.paths(), log, sha256_bank, true); }

    /// The value that a PCR will have when the events are those of the forecast.
    PcrValues values_of(const GrubOutlook& outlook) const {
        Forecast forecast{log, sha256_bank};
        BootFacts facts;
        facts.read = [&](const BootPlace& place) {
            const bool is_shim = is_same_path(place.path, "/EFI/debian/shimx64.efi");
            return NamedFile{.name = place.path,
                             .contents = tree.read(is_shim ? "/boot/efi/EFI/debian/shimx64.efi"
                                                           : "/boot/efi/EFI/debian/grubx64.efi")};
        };
        facts.grub = outlook.forecast;
        apply_next_boot(forecast, facts);
        EXPECT_THAT(forecast.spoilt(), IsEmpty()) << forecast.spoilt().begin()->second.message;
        return {{4, forecast.value(4)}, {8, forecast.value(8)}, {9, forecast.value(9)}};
    }

    static PcrValues values_of(const EventLog& of) {
        const PcrValues all = replay(of, sha256_bank);
        return {{4, all.at(4)}, {8, all.at(8)}, {9, all.at(9)}};
    }

    static std::string why(const GrubOutlook& outlook, const unsigned pcr) {
        const auto& events = outlook.forecast.events.at(pcr);
        return events ? "" : events.error().message;
    }

    GrubTree tree;
    EventLog log = tree.boot();
};

TEST_F(ReproductionTest, ABootIsReproducedAndTheNextIsTheSameWhenNothingChanges) {
    const auto outlooks = look();
    ASSERT_THAT(outlooks, SizeIs(1));
    EXPECT_EQ(outlooks.front().origin, "as it is now");
    EXPECT_EQ(values_of(outlooks.front()), values_of(log));
    EXPECT_EQ(values_of(log), values_of(tree.boot()));
}

TEST_F(ReproductionTest, OnceProvedTheNextBootIsComputedFromTheFilesAsTheyAreThen) {
    (void)look();
    tree.write("/boot/grub/grub.cfg", GrubTree::configuration("10", "2"));
    const auto outlooks = look();
    ASSERT_THAT(outlooks, SizeIs(1));
    const PcrValues next = values_of(tree.boot());
    EXPECT_EQ(values_of(outlooks.front()), next);
    for (const auto& [pcr, value] : values_of(log)) {
        EXPECT_NE(next.at(pcr), value) << pcr;
    }
}

TEST_F(ReproductionTest, WithoutAProofNothingIsSaidAndTheFirstDifferenceIsNamed) {
    tree.write("/boot/grub/grub.cfg", GrubTree::configuration("10", "1"));
    const auto outlooks = look();
    EXPECT_THAT(why(outlooks.front(), 8), HasSubstr("\"grub_cmd: set timeout=5\""));
    EXPECT_THAT(why(outlooks.front(), 8), HasSubstr("\"grub_cmd: set timeout=10\" was computed"));
    EXPECT_THAT(why(outlooks.front(), 8), HasSubstr("(hd0,gpt2)/boot/grub/grub.cfg:14"));
    EXPECT_THAT(why(outlooks.front(), 9), HasSubstr("(hd0,gpt2)/boot/grub/grub.cfg"));
    EXPECT_FALSE(recorded_proof(tree.paths()).has_value());
}

TEST_F(ReproductionTest, EachPcrIsProvedForItself) {
    tree.write("/boot/initrd-1", "made again");
    const auto outlooks = look();
    EXPECT_EQ(why(outlooks.front(), 8), "");
    EXPECT_THAT(why(outlooks.front(), 9), HasSubstr("\"/boot/initrd-1\""));
    EXPECT_TRUE(outlooks.front().forecast.images.has_value());
}

TEST_F(ReproductionTest, AnEntryForOneBootIsFoundAgainThoughGrubHasEmptiedIt) {
    tree.set_environment("next_entry=other\n");
    log = tree.boot();
    tree.set_environment("next_entry=\n");
    const auto outlooks = look();
    ASSERT_THAT(outlooks, SizeIs(1));
    EXPECT_EQ(values_of(outlooks.front()), values_of(tree.boot()));
    EXPECT_NE(values_of(log), values_of(tree.boot()));
}

TEST_F(ReproductionTest, EachStateOfTheVariablesIsABootOfItsOwn) {
    (void)look();
    tree.set_environment("next_entry=other\n");
    const auto outlooks = look();
    ASSERT_THAT(outlooks, SizeIs(2));
    EXPECT_EQ(values_of(outlooks[0]), values_of(tree.boot()));
    tree.set_environment("next_entry=\n");
    EXPECT_EQ(outlooks[1].origin, "as GRUB leaves it");
    EXPECT_EQ(values_of(outlooks[1]), values_of(tree.boot()));
}

TEST_F(ReproductionTest, AMarkThatAServiceHasDroppedIsFoundAgain) {
    tree.set_environment("recordfail=1\n");
    log = tree.boot();
    tree.set_environment("");
    const auto outlooks = look();
    ASSERT_THAT(outlooks, SizeIs(1));
    EXPECT_EQ(values_of(outlooks.front()), values_of(tree.boot()));
}

TEST_F(ReproductionTest, AChoiceAtTheMenuDoesNotStay) {
    tree.choice = "Other";
    log = tree.boot();
    tree.choice.reset();
    const auto outlooks = look();
    ASSERT_THAT(outlooks, SizeIs(1));
    EXPECT_EQ(values_of(outlooks.front()), values_of(tree.boot()));
}

TEST_F(ReproductionTest, AnotherGrubIsNotKnownUntilItHasStartedABoot) {
    (void)look();
    tree.write("/boot/efi/EFI/debian/grubx64.efi", GrubTree::grub_image("2.12"));
    const auto outlooks = look();
    for (const unsigned pcr : {8U, 9U}) {
        EXPECT_THAT(why(outlooks.front(), pcr), HasSubstr("not the GRUB that started this boot"));
    }
    EXPECT_FALSE(outlooks.front().forecast.images.has_value());
}

TEST_F(ReproductionTest, AFileSystemThatIsNotMountedIsNotGuessedAt) {
    tree.write("/proc/self/mountinfo", "30 1 8:2 / / rw - ext4 /dev/sda2 rw\n");
    EXPECT_THAT(why(look().front(), 8), HasSubstr("not mounted"));
}

TEST_F(ReproductionTest, AFileThatOthersMayWriteToIsNotSealedTo) {
    std::filesystem::permissions(tree.root / "boot/grub/grub.cfg", std::filesystem::perms::others_write,
                                 std::filesystem::perm_options::add);
    EXPECT_THAT(why(look().front(), 8), HasSubstr("others than root can write to it"));
}

TEST_F(ReproductionTest, ADiskThatTheLogDoesNotNameIsNotGuessedAt) {
    (void)look();
    tree.write("/sys/devices/pci0/sdb/sdb1/dev", "8:17\n");
    tree.write("/sys/devices/pci0/sdb/sdb1/partition", "1\n");
    tree.write("/run/udev/data/b8:17", "E:ID_FS_USAGE=filesystem\nE:ID_FS_TYPE=ext4\nE:ID_FS_UUID_ENC=5555\n"
                                       "E:ID_PART_ENTRY_SCHEME=gpt\n");
    std::filesystem::create_symlink("../../devices/pci0/sdb/sdb1", tree.root / "sys/class/block/sdb1");
    tree.write("/boot/grub/grub.cfg",
               "search --fs-uuid --set=other 5555\ntrue $other\n" + GrubTree::configuration("5", "1"));
    EXPECT_THAT(why(look().front(), 8), HasSubstr("a disk (hd?1) whose name"));
    tree.write("/boot/grub/grub.cfg",
               "if [ -f (hd3,gpt1)/x ]; then true; fi\n" + GrubTree::configuration("5", "1"));
    EXPECT_THAT(why(look().front(), 8), HasSubstr("a disk (hd3) whose name"));
}

TEST_F(ReproductionTest, TheRecordHoldsForThisBootOnly) {
    (void)look();
    const auto proof = recorded_proof(tree.paths());
    ASSERT_TRUE(proof.has_value());
    EXPECT_TRUE(proof->holds(8) && proof->holds(9) && proof->holds(4));
    EXPECT_EQ(proof->disks, (GrubDisks{{"hd0", "sda"}}));
    const std::string text = to_record(*proof, "a");
    EXPECT_EQ(from_record(text, "a"), proof);
    EXPECT_FALSE(from_record(text, "b").has_value());
    EXPECT_FALSE(from_record(text.substr(1), "a").has_value());
    tree.write("/proc/sys/kernel/random/boot_id", "8d1d4c1e-0000-4000-8000-000000000002\n");
    EXPECT_FALSE(recorded_proof(tree.paths()).has_value());
}

TEST_F(ReproductionTest, OnlyAKernelMakesPcr4AndAnotherOneIsFollowed) {
    (void)look();
    tree.write("/boot/vmlinuz-1", "not a program");
    EXPECT_THAT(look().front().forecast.images.error().message, HasSubstr("is not an EFI program"));
}

TEST(FoundEnvironmentTest, OnlyABlockWithALoggedDigestIsReturned) {
    const std::string then = environment_block("saved_entry=old\nrecordfail=1\n");
    test::AgileLog made{{sha256_bank}};
    made.add(9, EventType::ipl, test::bytes_of(then), test::bytes_of("(hd0,gpt2)/boot/grub/grubenv"));
    made.add(8, EventType::ipl, test::bytes_of("set default=old"),
             test::bytes_of("grub_cmd: set default=old"));
    EXPECT_EQ(found_environment(environment_block("saved_entry=new\n"), made.parsed(), sha256_bank), then);
    EXPECT_EQ(found_environment(environment_block("saved_entry=new\nmore=1\n"), made.parsed(), sha256_bank),
              std::nullopt);
    test::AgileLog first{{sha256_bank}};
    first.add(9, EventType::ipl, test::bytes_of(environment_block("")), test::bytes_of("/boot/grub/grubenv"));
    EXPECT_EQ(found_environment(environment_block("saved_entry=new\n"), first.parsed(), sha256_bank),
              environment_block(""));
}

TEST(GrubDisksTest, NamesOfDisksAreFoundInTexts) {
    EXPECT_EQ(disks_named_in("search --hint-bios=hd7,gpt1 --hint=hd0,2 (hd1,gpt2)/x 'hd3,' childhd9,1 hd4"),
              (std::set<std::string>{"hd0", "hd1", "hd3", "hd4", "hd7"}));
    EXPECT_THAT(disks_named_in("hd hdx,1 ahd1, hd12x"), IsEmpty());
}

} // namespace sealmount
