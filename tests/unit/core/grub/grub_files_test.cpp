// What is measured of files: when GRUB opens one, under which name, and what it does not measure.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "unit/core/grub/grub_image_maker.hpp"
#include "unit/core/grub/grub_machine_fake.hpp"
#include "unit/vectors.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sealmount {

using test::FakeGrubMachine;
using test::GrubScriptRun;
using test::module_file;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

namespace {

const std::string own_name = "(hd0,gpt2)/boot/grub/grub.cfg";

} // namespace

TEST(GrubFilesTest, ConfigurationsAreMeasuredWhenTheyAreSourced) {
    FakeGrubMachine machine;
    machine.add("hd0,gpt2", "/boot/grub/grub.cfg",
                "source $config_directory/more.cfg\necho b $config_file\n");
    machine.add("hd0,gpt2", "/boot/grub/more.cfg", "echo a $config_file\n");
    const GrubBoot boot = run_grub(test::plain_start(), machine);
    EXPECT_THAT(test::texts_of(boot, 9), ElementsAre(own_name, "(hd0,gpt2)/boot/grub/more.cfg"));
    EXPECT_THAT(test::texts_of(boot, 8), ElementsAre("grub_cmd: source (hd0,gpt2)/boot/grub/more.cfg",
                                                     "grub_cmd: echo a (hd0,gpt2)/boot/grub/more.cfg",
                                                     "grub_cmd: echo b " + own_name));
}

TEST(GrubFilesTest, LookingForAFileMeasuresItsSizeOnly) {
    const GrubScriptRun run{
        "[ -f /boot/vmlinuz ]\n[ -e /boot/vmlinuz ]\n[ -s /boot/initrd ]\n[ -s /boot/none ]\n"};
    EXPECT_THAT(test::texts_of(run.boot, 9), ElementsAre(own_name, "/boot/initrd"));
    EXPECT_THAT(run.boot.looked_at, testing::Contains(GrubFile{"hd0,gpt2", "/boot/none"}));
}

TEST(GrubFilesTest, AnEmptyFileIsMeasuredToo) {
    FakeGrubMachine machine;
    machine.add("hd0,gpt2", "/boot/grub/grub.cfg", "if [ -s /empty ]; then echo never; fi\n");
    machine.add("hd0,gpt2", "/empty", "");
    const GrubBoot boot = run_grub(test::plain_start(), machine);
    EXPECT_THAT(test::texts_of(boot, 9), ElementsAre(own_name, "/empty"));
    EXPECT_EQ(test::texts_of(boot, 8).size(), 1U);
}

TEST(GrubFilesTest, GrubenvIsMeasuredTwiceAndWhatIsSavedIsNot) {
    FakeGrubMachine machine;
    machine.add(
        "hd0,gpt2", "/boot/grub/grub.cfg",
        "if [ -s $prefix/grubenv ]; then\n  set have_grubenv=true\n  load_env\nfi\n"
        "echo $saved_entry\nsaved_entry=b\nsave_env saved_entry\nload_env --skip-sig\necho $saved_entry\n"
        "load_env other\necho $saved_entry\nload_env\n");
    machine.add("hd0,gpt2", "/boot/grub/grubenv", test::environment_block("saved_entry=a\\\\b\nother=1\n"));
    const GrubBoot boot = run_grub(test::plain_start(), machine);
    const std::string name = "(hd0,gpt2)/boot/grub/grubenv";
    EXPECT_THAT(test::texts_of(boot, 9), ElementsAre(own_name, name, name, name, name));
    EXPECT_THAT(test::texts_of(boot, 8), testing::Contains("grub_cmd: echo a\\b"));
    EXPECT_THAT(test::texts_of(boot, 8), testing::Contains("grub_cmd: echo b"));
    const GrubFile file{"hd0,gpt2", "/boot/grub/grubenv"};
    EXPECT_THAT(boot.environments, ElementsAre(file));
    const std::string left = test::environment_block("saved_entry=b\nother=1\n");
    EXPECT_EQ(boot.written.at(file), left);
    EXPECT_EQ(boot.events.back().rewritten, left);
    EXPECT_EQ(digest(boot.events.back(), machine, PcrBank::sha256),
              digest(PcrBank::sha256, {as_bytes(left)}));
}

TEST(GrubFilesTest, WhereGrubCannotWriteNothingIsWritten) {
    FakeGrubMachine machine;
    machine.file_systems[1].writable = false;
    machine.add("hd0,gpt2", "/boot/grub/grub.cfg", "load_env\nrecordfail=1\nsave_env recordfail\n");
    machine.add("hd0,gpt2", "/boot/grub/grubenv", test::environment_block(""));
    EXPECT_THAT(run_grub(test::plain_start(), machine).written, IsEmpty());
}

TEST(GrubFilesTest, AnUnsetVariableIsDroppedFromTheBlockAndAnEmptyOneStays) {
    FakeGrubMachine machine;
    machine.add("hd0,gpt2", "/boot/grub/grub.cfg",
                "load_env\nset next_entry=\nunset once\nsave_env next_entry once\n");
    machine.add("hd0,gpt2", "/boot/grub/grubenv", test::environment_block("next_entry=2\nonce=1\nkept=x\n"));
    EXPECT_EQ(run_grub(test::plain_start(), machine).written.begin()->second,
              test::environment_block("next_entry=\nkept=x\n"));
}

TEST(GrubFilesTest, TheListsAreReadWithEveryPrefix) {
    FakeGrubMachine machine;
    machine.add("hd0,gpt2", "/boot/grub/grub.cfg", "set prefix=(hd0,gpt1)/grub\n");
    for (const char* const name : {"command.lst", "crypto.lst", "fs.lst", "terminal.lst"}) {
        machine.add("hd0,gpt1", std::string{"/grub/x86_64-efi/"} + name, "");
    }
    const std::string directory = "(hd0,gpt1)/grub/x86_64-efi/";
    EXPECT_THAT(test::texts_of(run_grub(test::plain_start(), machine), 9),
                ElementsAre(own_name, directory + "command.lst", directory + "fs.lst",
                            directory + "crypto.lst", directory + "terminal.lst"));
}

TEST(GrubFilesTest, ModulesInTheImageAreNotReadAndOthersAreMeasuredThoughRefused) {
    FakeGrubMachine machine;
    machine.add("hd0,gpt2", "/boot/grub/grub.cfg",
                "insmod gzio\ninsmod bli\necho $?\npassword root secret\nnonsense\n");
    machine.add("hd0,gpt2", "/boot/grub/x86_64-efi/command.lst", "*password: password\nlinux: linux\n");
    machine.add("hd0,gpt2", "/boot/grub/x86_64-efi/bli.mod", module_file("bli", ""));
    machine.add("hd0,gpt2", "/boot/grub/x86_64-efi/password.mod", module_file("password", ""));
    GrubStart start = test::plain_start();
    start.secure_boot = true;
    const GrubBoot boot = run_grub(start, machine);
    const std::string directory = "(hd0,gpt2)/boot/grub/x86_64-efi/";
    EXPECT_THAT(test::texts_of(boot, 9), ElementsAre(directory + "command.lst", own_name,
                                                     directory + "bli.mod", directory + "password.mod"));
    EXPECT_THAT(test::texts_of(boot, 8),
                ElementsAre("grub_cmd: insmod gzio", "grub_cmd: insmod bli", "grub_cmd: echo 0",
                            "grub_cmd: password root secret", "grub_cmd: nonsense"));
}

TEST(GrubFilesTest, ModulesBringWhatTheyNeedAndAreReadOnce) {
    FakeGrubMachine machine;
    machine.add("hd0,gpt2", "/boot/grub/grub.cfg", "insmod a\ninsmod b\ninsmod none\n");
    const std::string needs{"b\0c\0", 4};
    machine.add("hd0,gpt2", "/boot/grub/x86_64-efi/a.mod", module_file("a", needs));
    machine.add("hd0,gpt2", "/boot/grub/x86_64-efi/b.mod", module_file("b", ""));
    machine.add("hd0,gpt2", "/boot/grub/x86_64-efi/c.mod", module_file("c", ""));
    const std::string directory = "(hd0,gpt2)/boot/grub/x86_64-efi/";
    const GrubBoot boot = run_grub(test::plain_start(), machine);
    EXPECT_THAT(test::texts_of(boot, 9),
                ElementsAre(own_name, directory + "a.mod", directory + "b.mod", directory + "c.mod"));
}

TEST(GrubFilesTest, FontsOfTheImageAreNotMeasuredAndOthersAre) {
    FakeGrubMachine machine;
    machine.add("hd0,gpt2", "/boot/grub/grub.cfg",
                "if loadfont unicode; then echo a; fi\nif loadfont /theme.pf2; then echo b; fi\n"
                "if loadfont other; then echo c; fi\n");
    machine.add("hd0,gpt2", "/theme.pf2", "x");
    machine.add("hd0,gpt2", "/boot/grub/fonts/other.pf2", "x");
    GrubStart start = test::plain_start();
    const std::string other = "(hd0,gpt2)/boot/grub/fonts/other.pf2";
    EXPECT_THAT(test::texts_of(run_grub(start, machine), 9), ElementsAre(own_name, "/theme.pf2", other));
    EXPECT_EQ(test::texts_of(run_grub(start, machine), 8).size(), 6U);
    start.secure_boot = true;
    EXPECT_THAT(test::texts_of(run_grub(start, machine), 9), ElementsAre(own_name, "/theme.pf2", other));
    EXPECT_EQ(test::texts_of(run_grub(start, machine), 8).size(), 4U);
}

TEST(GrubFilesTest, CatalogsOfTranslationsAreMeasured) {
    FakeGrubMachine machine;
    const std::string catalog = "\xde\x12\x04\x95";
    machine.add("hd0,gpt2", "/boot/grub/grub.cfg",
                "set locale_dir=$prefix/locale\nset lang=de_DE\ninsmod gettext\necho $\"text\"\n");
    machine.add("hd0,gpt2", "/boot/grub/locale/de.mo", catalog);
    machine.add("hd0,gpt2", "/boot/grub/locale/fr.mo", catalog);
    const GrubBoot boot = run_grub(test::plain_start(), machine);
    EXPECT_THAT(test::texts_of(boot, 9), ElementsAre(own_name, "(hd0,gpt2)/boot/grub/locale/de.mo"));
    EXPECT_THAT(test::unknown_of(boot, 8), HasSubstr("translated"));
}

TEST(GrubFilesTest, SearchesSetTheDeviceThatTheyFind) {
    const std::string uuid = test::grub_root_uuid;
    EXPECT_THAT(
        test::commands_of("search --no-floppy --fs-uuid --set=root " + uuid +
                          "\necho $root\n"
                          "search.fs_uuid 1a2b-3c4d esp hd0,gpt1\necho $esp\n"
                          "search --label --set root --hint-bios=hd1,gpt1 --hint-efi=hd0,2 root\necho $root\n"
                          "search -f --set=found /boot/vmlinuz\necho $found\n"
                          "if search --set=x --fs-uuid 0000; then echo never; fi\n"),
        testing::IsSupersetOf({"echo hd0,gpt2", "echo hd0,gpt1", "echo hd0,2"}));
    const GrubScriptRun run{"search -f --set=found /boot/vmlinuz\n"};
    EXPECT_THAT(test::texts_of(run.boot, 9), ElementsAre(own_name, "(hd0,gpt2)/boot/vmlinuz"));
}

TEST(GrubFilesTest, TwoDevicesOfOneNameAreUnknownWithoutAHint) {
    FakeGrubMachine machine;
    machine.file_systems.push_back({.name = "hd1,gpt2", .uuid = test::grub_root_uuid, .label = "copy"});
    machine.add("hd0,gpt2", "/boot/grub/grub.cfg",
                "search --fs-uuid --set=root " + test::grub_root_uuid + "\n");
    EXPECT_THAT(test::unknown_of(run_grub(test::plain_start(), machine), 8),
                HasSubstr("more than one device"));
    machine.add("hd0,gpt2", "/boot/grub/grub.cfg",
                "search --fs-uuid --set=root --hint=hd1,gpt2 " + test::grub_root_uuid + "\necho $root\n");
    EXPECT_THAT(test::texts_of(run_grub(test::plain_start(), machine), 8),
                testing::Contains("grub_cmd: echo hd1,gpt2"));
}

TEST(GrubFilesTest, WithoutTheModuleForTheTpmNothingIsMeasured) {
    GrubStart start = test::plain_start();
    start.modules.erase("tpm");
    EXPECT_THAT(GrubScriptRun("echo a\n", start).boot.events, IsEmpty());
}

} // namespace sealmount
