// Which entry starts, what is measured of the menu, and what the kernel gets.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "unit/core/grub/grub_machine_fake.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sealmount {

using test::FakeGrubMachine;
using test::GrubScriptRun;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

namespace {

const std::string two_entries =
    "menuentry 'A' --class os --id a {\n\tlinux /boot/vmlinuz one\n}\n"
    "menuentry 'B b' $menuentry_id_option 'b-id' {\n\tlinux /boot/vmlinuz two\n}\n";

std::string with_submenu(const std::string& standard) {
    return "set timeout=0\nset menuentry_id_option=--id\nexport menuentry_id_option\nset default=\"" +
           standard + "\"\n" + two_entries +
           "submenu 'More' $menuentry_id_option 'more' {\n\tmenuentry 'C' $menuentry_id_option 'c' {\n"
           "\t\tlinux /boot/vmlinuz three\n\t}\n}\n";
}

/// What the kernel that starts gets as its last argument; why none starts, in parentheses.
std::string booted(const std::string& script, const GrubStart& start = test::plain_start()) {
    const GrubBoot boot = GrubScriptRun{script, start}.boot;
    if (!boot.kernel) {
        return "(" + test::unknown_of(boot, 8) + ")";
    }
    return boot.kernel->command_line.substr(boot.kernel->command_line.rfind(' ') + 1);
}

} // namespace

TEST(GrubMenuTest, EntriesAreMeasuredWithTheirBlocksWhicheverIsChosen) {
    const GrubScriptRun run{with_submenu("b-id")};
    EXPECT_THAT(run.commands(),
                ElementsAre("set timeout=0", "set menuentry_id_option=--id", "export menuentry_id_option",
                            "set default=b-id",
                            "menuentry A --class os --id a {\n\tlinux /boot/vmlinuz one\n}",
                            "menuentry B b --id b-id {\n\tlinux /boot/vmlinuz two\n}",
                            "submenu More --id more {\n\tmenuentry 'C' $menuentry_id_option 'c' {\n"
                            "\t\tlinux /boot/vmlinuz three\n\t}\n}",
                            "setparams B b", "linux /boot/vmlinuz two"));
    EXPECT_TRUE(run.boot.unknown.empty());
}

TEST(GrubMenuTest, TheEntriesOfASubmenuAreMeasuredAgainWhenItIsEntered) {
    const GrubScriptRun run{with_submenu("more>c")};
    const std::vector<std::string> commands = run.commands();
    ASSERT_GE(commands.size(), 4U);
    EXPECT_THAT((std::vector<std::string>{commands.end() - 4, commands.end()}),
                ElementsAre("setparams More", "menuentry C --id c {\n\t\tlinux /boot/vmlinuz three\n\t}",
                            "setparams C", "linux /boot/vmlinuz three"));
}

TEST(GrubMenuTest, EntriesAreChosenByNumberTitleIdAndPath) {
    EXPECT_EQ(booted(with_submenu("0")), "one");
    EXPECT_EQ(booted(with_submenu("1")), "two");
    EXPECT_EQ(booted(with_submenu("B b")), "two");
    EXPECT_EQ(booted(with_submenu("b-id")), "two");
    EXPECT_EQ(booted(with_submenu("2>0")), "three");
    EXPECT_EQ(booted(with_submenu("More>C")), "three");
    EXPECT_EQ(booted(with_submenu("more")), "three");
    EXPECT_EQ(booted(with_submenu("gone")), "one");
    EXPECT_EQ(booted(with_submenu("9")), "one");
    EXPECT_EQ(booted(with_submenu("1-is-a-number-to-grub")), "two");
    GrubStart fedora = test::plain_start();
    fedora.names_first = true;
    EXPECT_EQ(booted(with_submenu("1-is-none-to-fedora"), fedora), "one");
    EXPECT_EQ(booted(with_submenu("1"), fedora), "two");
}

TEST(GrubMenuTest, APersonsChoiceStandsInForTheDefault) {
    GrubStart start = test::plain_start();
    start.choice = "more>c";
    EXPECT_EQ(booted(with_submenu("0"), start), "three");
    EXPECT_EQ(booted("unset timeout\n" + with_submenu("0").substr(14), start), "three");
}

TEST(GrubMenuTest, AMenuThatWaitsIsUnknown) {
    EXPECT_THAT(booted(two_entries), HasSubstr("waits until somebody chooses"));
    EXPECT_THAT(booted("set timeout=-1\n" + two_entries), HasSubstr("waits until somebody chooses"));
    EXPECT_EQ(booted("set timeout=5\n" + two_entries), "one");
    EXPECT_EQ(booted("set timeout_style=hidden\nset timeout=0\n" + two_entries), "one");
    EXPECT_THAT(booted("echo a\n"), HasSubstr("waits at its prompt"));
}

TEST(GrubMenuTest, AnEntryThatStartsNothingFallsBack) {
    const std::string broken = "set timeout=0\nset fallback=\"1 2\"\nmenuentry A {\n\tlinux /boot/gone\n}\n"
                               "menuentry B {\n\ttrue\n}\nmenuentry C {\n\tlinux /boot/vmlinuz three\n}\n";
    EXPECT_EQ(booted(broken), "three");
    EXPECT_THAT(booted("set timeout=0\nmenuentry A {\n\ttrue\n}\n"), HasSubstr("does not start anything"));
}

TEST(GrubMenuTest, APasswordIsUnknownUnlessTheEntryIsFree) {
    const std::string users = "set timeout=0\nset superusers=root\npassword_pbkdf2 root grub.pbkdf2\n";
    EXPECT_THAT(booted(users + two_entries), HasSubstr("password"));
    EXPECT_EQ(booted(users + "menuentry A --unrestricted {\n\tlinux /boot/vmlinuz one\n}\n"), "one");
}

TEST(GrubMenuTest, TheChosenEntryIsSavedAsItsPath) {
    FakeGrubMachine machine;
    machine.add("hd0,gpt2", "/boot/vmlinuz", "k");
    machine.add("hd0,gpt2", "/boot/grub/grubenv", test::environment_block(""));
    machine.add("hd0,gpt2", "/boot/grub/grub.cfg",
                "load_env\nset timeout=0\nset default='more>c>>d'\n"
                "function savedefault {\n  saved_entry=\"${chosen}\"\n  save_env saved_entry\n}\n"
                "submenu More --id more {\n\tmenuentry C --id 'c>d' {\n\t\tsavedefault\n\t\tlinux "
                "/boot/vmlinuz x\n\t}\n}\n");
    const GrubBoot boot = run_grub(test::plain_start(), machine);
    ASSERT_TRUE(boot.kernel.has_value());
    EXPECT_EQ(boot.written.begin()->second, test::environment_block("saved_entry=more>c>>d\n"));
}

TEST(GrubMenuTest, ContextsKeepOnlyWhatIsExported) {
    FakeGrubMachine machine;
    machine.add("hd0,gpt2", "/boot/grub/grub.cfg",
                "set a=1\nset b=2\nexport b\nconfigfile /next.cfg\necho $a$b$c\n");
    machine.add("hd0,gpt2", "/next.cfg", "set c=3\necho $a.$b.$c\n");
    const auto texts = test::texts_of(run_grub(test::plain_start(), machine), 8);
    EXPECT_THAT(texts, Contains("grub_cmd: echo .2.3"));
    EXPECT_EQ(texts.back(), "grub_cmd: echo 12");
}

TEST(GrubMenuTest, TheCommandLineIsQuotedAgain) {
    const GrubScriptRun run{
        "set timeout=0\nmenuentry A {\n\tlinux /boot/vmlinuz ro  \"two words\" a\\\\b 'c\"d' e\\'f\n}\n"};
    EXPECT_THAT(test::texts_of(run.boot, 8),
                Contains("kernel_cmdline: /boot/vmlinuz ro \"two words\" a\\\\b c\\\"d e\\'f"));
    EXPECT_THAT(run.commands(), Contains("linux /boot/vmlinuz ro two words a\\b c\"d e'f"));
    EXPECT_EQ(run.boot.kernel->command_line, "BOOT_IMAGE=/boot/vmlinuz ro \"two words\" a\\\\b c\\\"d e\\'f");
}

TEST(GrubMenuTest, KernelAndInitrdsAreMeasuredAndAgainByTheStub) {
    GrubStart start = test::plain_start();
    const std::string script = "set timeout=0\nmenuentry A {\n\tlinux ($root)/boot/vmlinuz ro\n\tinitrd "
                               "/boot/early /boot/initrd\n}\n";
    const std::string own = "(hd0,gpt2)/boot/grub/grub.cfg";
    EXPECT_THAT(test::texts_of(GrubScriptRun(script, start).boot, 9),
                ElementsAre(own, "(hd0,gpt2)/boot/vmlinuz", "/boot/early", "/boot/initrd"));
    start.stub_measures = true;
    const GrubScriptRun run{script, start};
    ASSERT_EQ(test::texts_of(run.boot, 9).size(), 6U);
    const GrubEvent& options = run.boot.events[run.boot.events.size() - 2];
    EXPECT_EQ(options.kind, GrubEventKind::stub_options);
    EXPECT_EQ(digest(options, run.machine, PcrBank::sha256),
              digest(PcrBank::sha256, {utf16("BOOT_IMAGE=(hd0,gpt2)/boot/vmlinuz ro").value()}));
    const std::string joined{"early!\0\0initrd", 14};
    EXPECT_EQ(digest(run.boot.events.back(), run.machine, PcrBank::sha256),
              digest(PcrBank::sha256, {as_bytes(joined)}));
}

TEST(GrubMenuTest, ProgramsAreStartedToo) {
    const GrubScriptRun run{"set timeout=0\nmenuentry W {\n\tchainloader /boot/vmlinuz\n}\n"};
    EXPECT_THAT(test::texts_of(run.boot, 9), Contains("/boot/vmlinuz"));
    EXPECT_FALSE(run.boot.kernel.value().is_linux);
}

TEST(GrubMenuTest, FirmwareSetupIsAskedForOnlyWhereGrubKnowsTheQuestion) {
    const std::string script = "set timeout=0\nfwsetup --is-supported\nif [ \"$?\" = 0 ]; then\n"
                               "menuentry F {\n\tfwsetup\n}\nfi\n" +
                               two_entries + "set default=1\n";
    EXPECT_THAT(booted(script), HasSubstr("firmware's setup"));
    GrubStart start = test::plain_start();
    start.setup_can_be_asked = true;
    EXPECT_EQ(booted(script, start), "one");
    start.setup_supported = false;
    EXPECT_THAT(GrubScriptRun(script, start).commands(), Contains("[ 1 = 0 ]"));
    EXPECT_EQ(booted(script, start), "two");
}

TEST(GrubMenuTest, LoaderEntriesOfFedoraAreSortedByVersion) {
    FakeGrubMachine machine;
    machine.add("hd0,gpt2", "/grub2/grub.cfg",
                "load_env\nset default=\"${saved_entry}\"\nset timeout=0\nset tuned_params='t=1'\n"
                "function load_video {\n  insmod all_video\n}\ninsmod blscfg\nblscfg\n");
    machine.add("hd0,gpt2", "/grub2/grubenv",
                test::environment_block("saved_entry=id-6.9.4-200.fc40.x86_64\n"));
    const auto entry = [&](const std::string& version) {
        machine.add("hd0,gpt2", "/loader/entries/id-" + version + ".conf",
                    "title Fedora (" + version + ")\nversion " + version + "\nlinux /vmlinuz-" + version +
                        "\ninitrd /initramfs-" + version +
                        ".img $tuned_initrd\noptions root=UUID=1 ro $tuned_params\n"
                        "grub_users $grub_users\ngrub_arg --unrestricted\ngrub_class fedora\n");
        machine.add("hd0,gpt2", "/vmlinuz-" + version, "k" + version);
        machine.add("hd0,gpt2", "/initramfs-" + version + ".img", "i" + version);
    };
    entry("6.9.4-200.fc40.x86_64");
    entry("6.10.3-200.fc40.x86_64");
    GrubStart start = test::plain_start();
    start.prefix = "(hd0,gpt2)/grub2";
    start.modules.insert("blscfg");
    start.names_first = true;
    const GrubBoot boot = run_grub(start, machine);
    const auto texts = test::texts_of(boot, 8);
    EXPECT_THAT(texts,
                Contains("kernel_cmdline: (hd0,gpt2)/vmlinuz-6.9.4-200.fc40.x86_64 root=UUID=1 ro t=1"));
    EXPECT_THAT(texts, Contains("grub_cmd: set gfxpayload=keep"));
    EXPECT_THAT(texts, Not(Contains(HasSubstr("setparams"))));
    EXPECT_THAT(test::texts_of(boot, 9),
                Contains("(hd0,gpt2)/loader/entries//id-6.10.3-200.fc40.x86_64.conf"));
    machine.add("hd0,gpt2", "/grub2/grubenv", test::environment_block(""));
    EXPECT_EQ(run_grub(start, machine).kernel.value().image.path, "/vmlinuz-6.10.3-200.fc40.x86_64");
    machine.in_disk_order = false;
    const GrubBoot unordered = run_grub(start, machine);
    EXPECT_THAT(test::unknown_of(unordered, 9), HasSubstr("order"));
    EXPECT_EQ(test::unknown_of(unordered, 8), "");
}

TEST(GrubMenuTest, AThemeMakesOnlyPcr9Unknown) {
    const GrubScriptRun run{"set timeout=5\nloadfont unicode\nterminal_output gfxterm\nset theme=/t.txt\n" +
                            two_entries};
    EXPECT_THAT(test::unknown_of(run.boot, 9), HasSubstr("theme"));
    EXPECT_EQ(test::unknown_of(run.boot, 8), "");
    EXPECT_TRUE(run.boot.kernel.has_value());
}

} // namespace sealmount
