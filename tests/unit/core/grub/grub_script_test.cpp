// What is measured of commands: quotation marks, variables, blocks, conditions, loops, functions.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "unit/core/grub/grub_machine_fake.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sealmount {

using test::commands_of;
using test::GrubScriptRun;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(GrubScriptTest, ArgumentsAreMeasuredWithOneBlankAndWithoutQuotationMarks) {
    EXPECT_THAT(commands_of("echo   'one  two'\t\"three\"four  # a comment\n"),
                ElementsAre("echo one  two threefour"));
}

TEST(GrubScriptTest, EmptyArgumentsStay) {
    EXPECT_THAT(commands_of("[ \"${recordfail}\" = 1 ]\n[ \"${next_entry}\" ]\necho ''\n"),
                ElementsAre("[  = 1 ]", "[  ]", "echo "));
}

TEST(GrubScriptTest, EmptyVariablesOutsideQuotationMarksVanish) {
    EXPECT_THAT(commands_of("echo $nothing a ${nothing}\n$nothing\n$nothing echo b\n"),
                ElementsAre("echo a", "echo b"));
}

TEST(GrubScriptTest, VariablesAreSplitAtBlanksOnlyOutsideQuotationMarks) {
    EXPECT_THAT(commands_of("set x='a  b'\necho $x. \"$x.\" '$x'\n"),
                ElementsAre("set x=a  b", "echo a b. a  b. $x"));
}

TEST(GrubScriptTest, BackslashesAreUndoneOutsideQuotationMarks) {
    EXPECT_THAT(commands_of("echo a\\ b \\$x \\\\ \"\\$x \\\" \\\\ \\a\" '\\a' \\*\n"),
                ElementsAre("echo a b $x \\ $x \" \\ \\a \\a *"));
}

TEST(GrubScriptTest, BackslashesInVariablesStay) {
    EXPECT_THAT(commands_of("set x='\\a\\\\b'\necho $x \"$x\"\n"),
                ElementsAre("set x=\\a\\\\b", "echo \\a\\\\b \\a\\\\b"));
}

TEST(GrubScriptTest, LinesGoOnBehindABackslashAndWithinQuotationMarks) {
    EXPECT_THAT(commands_of("echo a\\\nb \\\n c\necho 'one\ntwo' \"three\\\nfour\"\n"),
                ElementsAre("echo ab c", "echo one\ntwo threefour"));
}

TEST(GrubScriptTest, CommandsMayShareALine) {
    EXPECT_THAT(commands_of("echo a; echo b ;\necho if then\n"),
                ElementsAre("echo a", "echo b", "echo if then"));
}

TEST(GrubScriptTest, CarriageReturnsAreNotThere) {
    EXPECT_THAT(commands_of("echo a\r\necho b\r\n"), ElementsAre("echo a", "echo b"));
}

TEST(GrubScriptTest, ConditionsAreMeasuredAndTheWordIfIsNot) {
    EXPECT_THAT(commands_of("if [ a = b ]; then echo 1\nelif [ a != b ]\nthen\n echo 2\nelse echo 3; fi\n"),
                ElementsAre("[ a = b ]", "[ a != b ]", "echo 2"));
}

TEST(GrubScriptTest, AnExclamationMarkInvertsAndIsMeasured) {
    EXPECT_THAT(commands_of("if ! false; then echo yes; fi\nif ! true; then echo no; fi\n"),
                ElementsAre("! false", "echo yes", "! true"));
}

TEST(GrubScriptTest, TheStatusIsAVariable) {
    EXPECT_THAT(commands_of("true\necho $?\nfalse\necho \"$?\"\nif false; then true; fi\necho $?\n"),
                ElementsAre("true", "echo 0", "false", "echo 1", "false", "echo 0"));
}

TEST(GrubScriptTest, AnErrorWhoseNumberIsNotFollowedIsUnknownOnceItIsLookedAt) {
    const GrubScriptRun run{"load_env -f /nowhere\necho a\nload_env -f /nowhere\necho $?\n"};
    EXPECT_THAT(run.commands(), ElementsAre("load_env -f /nowhere", "echo a", "load_env -f /nowhere"));
    EXPECT_EQ(run.boot.unknown.at(grub_command_pcr).place.line, 4U);
}

TEST(GrubScriptTest, AssignmentsWithoutSetAreMeasured) {
    EXPECT_THAT(commands_of("x=\"1 2\"\necho \"$x\"\n"), ElementsAre("x=1 2", "echo 1 2"));
}

TEST(GrubScriptTest, LoopsAreMeasuredEveryTime) {
    EXPECT_THAT(commands_of("for x in a 'b c'; do echo $x; done\n"), ElementsAre("echo a", "echo b c"));
    EXPECT_THAT(commands_of("set n=3\nwhile [ $n -gt 1 ]; do set n=1; done\n"),
                ElementsAre("set n=3", "[ 3 -gt 1 ]", "set n=1", "[ 1 -gt 1 ]"));
    EXPECT_THAT(commands_of("until [ \"$n\" ]; do n=1; done\n"), ElementsAre("[  ]", "n=1", "[ 1 ]"));
}

TEST(GrubScriptTest, LoopsAreLeftByBreakAndContinue) {
    EXPECT_THAT(commands_of("for x in 1 2 3; do\nif [ $x = 2 ]; then break; fi\ndone\necho end\n"),
                ElementsAre("[ 1 = 2 ]", "[ 2 = 2 ]", "break", "echo end"));
    EXPECT_THAT(commands_of("for x in 1 2; do\ncontinue\necho never\ndone\necho end\n"),
                ElementsAre("continue", "continue", "echo end"));
}

TEST(GrubScriptTest, FunctionsHaveParametersAndDefinitionsAreNotMeasured) {
    EXPECT_THAT(
        commands_of(
            "function f {\n  echo $# $1 \"$@\" \"$*\"\n  shift\n  echo $1\n  return 1\n  echo never\n}\n"
            "f a 'b c'\necho $? $1.\n"),
        ElementsAre("f a b c", "echo 2 a a b c a b c", "shift", "echo b c", "return 1", "echo 1 ."));
}

TEST(GrubScriptTest, SetparamsReplacesParameters) {
    EXPECT_THAT(commands_of("function f {\nsetparams x y\necho $2\n}\nf\n"),
                ElementsAre("f", "setparams x y", "echo y"));
}

TEST(GrubScriptTest, CommandsComeBeforeFunctions) {
    EXPECT_THAT(commands_of("function true {\necho never\n}\ntrue\n"), ElementsAre("true"));
}

TEST(GrubScriptTest, VariablesKeepTheirPlaceInContexts) {
    EXPECT_THAT(commands_of("set a=1\nset b=2\nexport b\nunset a\necho $a.$b\n"),
                ElementsAre("set a=1", "set b=2", "export b", "unset a", "echo .2"));
}

TEST(GrubScriptTest, EveryEventHasItsPlace) {
    const GrubScriptRun run{"# a comment\nif true; then\n  echo a\nfi\nfunction f {\n  echo b\n}\nf\n"};
    std::vector<unsigned> lines;
    for (const GrubEvent& event : run.boot.events) {
        if (event.kind == GrubEventKind::command) {
            EXPECT_EQ(event.place.file, "(hd0,gpt2)/boot/grub/grub.cfg");
            lines.push_back(event.place.line);
        }
    }
    EXPECT_THAT(lines, ElementsAre(2, 3, 8, 6));
    EXPECT_EQ(to_string(GrubPlace{.file = "f", .line = 3}), "f:3");
}

TEST(GrubScriptTest, TestsAreGrubsOwn) {
    const auto holds = [](const std::string& expression) {
        return commands_of("if [ " + expression + " ]; then echo yes; fi\n").size() == 2;
    };
    EXPECT_TRUE(holds("a"));
    EXPECT_FALSE(holds("''"));
    EXPECT_TRUE(holds("! ''"));
    EXPECT_TRUE(holds("-n a -a -z ''"));
    EXPECT_TRUE(holds("'' -o a"));
    EXPECT_FALSE(holds("a -a ''"));
    EXPECT_TRUE(holds("'(' '' -o a ')' -a b"));
    EXPECT_TRUE(holds("10 -gt 9"));
    EXPECT_TRUE(holds("-1 -lt 0x10"));
    EXPECT_TRUE(holds("010 -eq 8"));
    EXPECT_TRUE(holds("a '<' b"));
    EXPECT_FALSE(holds("a '>=' b"));
    EXPECT_TRUE(holds("vmlinuz-2 -plt vmlinuz-11"));
    EXPECT_TRUE(holds("-f /boot/vmlinuz"));
    EXPECT_FALSE(holds("-f /boot"));
    EXPECT_TRUE(holds("-d (hd0,gpt2)/boot/"));
    EXPECT_TRUE(holds("-e /boot"));
    EXPECT_FALSE(holds("-e (hd7)/boot"));
    EXPECT_TRUE(holds("-d (hd0,gpt2)"));
    EXPECT_TRUE(holds("-s /boot/vmlinuz"));
    EXPECT_FALSE(holds("-s /boot/nothing"));
}

TEST(GrubScriptTest, RegularExpressionsSetVariables) {
    EXPECT_THAT(
        commands_of("regexp --set 1:disk --set=2:part '^([^,]+),([a-z0-9]+)$' hd0,gpt2\necho $disk $part\n"
                    "if regexp x y; then echo never; fi\n"),
        ElementsAre("regexp --set 1:disk --set=2:part ^([^,]+),([a-z0-9]+)$ hd0,gpt2", "echo hd0 gpt2",
                    "regexp x y"));
}

TEST(GrubScriptTest, WhatGrubDoesNotReadIsUnknownWithItsPlace) {
    for (const char* const script :
         {"echo a\necho b && echo c\n", "echo a\nif [[ a ]]; then echo; fi\n", "echo a\nfi\n",
          "echo a\necho $\n", "echo a\necho \"$(b)\"\n", "echo a\nif true; then\n", "echo a\necho 'b\n",
          "echo a\nmenuentry x {\n}\n", "echo a\n;\n", "echo a\necho b;;\n",
          "echo a\nfor 1 in x; do true; done\n"}) {
        const GrubScriptRun run{script};
        EXPECT_THAT(run.commands(), ElementsAre("echo a")) << script;
        EXPECT_EQ(run.boot.unknown.at(grub_command_pcr).place.file, "(hd0,gpt2)/boot/grub/grub.cfg")
            << script;
        EXPECT_GE(run.boot.unknown.at(grub_command_pcr).place.line, 2U) << script;
        EXPECT_FALSE(test::unknown_of(run.boot, grub_file_pcr).empty()) << script;
    }
}

TEST(GrubScriptTest, WhatDoesNotEndIsUnknown) {
    EXPECT_THAT(test::unknown_of(GrubScriptRun{"while true; do true; done\n"}.boot, 8),
                HasSubstr("come to an end"));
    EXPECT_THAT(test::unknown_of(GrubScriptRun{"x=a\nwhile true; do x=\"$x$x\"; done\n"}.boot, 8),
                HasSubstr("without limit"));
    EXPECT_THAT(test::unknown_of(GrubScriptRun{"function f {\nf\n}\nf\n"}.boot, 8), HasSubstr("deeper"));
    EXPECT_THAT(test::unknown_of(GrubScriptRun{"source /boot/grub/grub.cfg\n"}.boot, 8),
                HasSubstr("without end"));
    EXPECT_THAT(test::unknown_of(GrubScriptRun{"x=" + std::string(60'000, 'x') +
                                               "\nwhile true; do for y in $x $x $x $x $x $x; do "
                                               "true; done; done\n"}
                                     .boot,
                                 8),
                HasSubstr("come to an end"));
    std::string nested;
    for (unsigned depth = 0; depth < 100; ++depth) {
        nested += "if true; then\n";
    }
    EXPECT_THAT(test::unknown_of(GrubScriptRun{nested}.boot, 8), HasSubstr("deeper"));
}

TEST(GrubScriptTest, WhatAsksTheWorldIsUnknown) {
    for (const char* const command :
         {"read x", "date", "keystatus --shift", "cpuid -l", "smbios --type 1 --set x",
          "sleep --interruptible 3", "cryptomount -u 0", "echo /boot/*", "[ a -nt b ]", "halt", "reboot",
          "exit", "fwsetup", "some_command"}) {
        GrubStart start = test::plain_start();
        start.modules.insert({"read", "date"});
        const GrubScriptRun run{"echo a\n" + std::string{command} + "\necho b\n", start};
        EXPECT_EQ(run.commands().front(), "echo a");
        EXPECT_THAT(run.commands(), testing::Not(testing::Contains("echo b"))) << command;
        EXPECT_EQ(run.boot.unknown.at(grub_command_pcr).place.line, 2U) << command;
        EXPECT_FALSE(run.boot.unknown.at(grub_command_pcr).reason.empty()) << command;
    }
}

} // namespace sealmount
