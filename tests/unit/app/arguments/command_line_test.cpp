// The command line of a program with verbs, whatever release of CLI11 reads it.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "app/arguments/command_line.hpp"
#include "base/error.hpp"

#include <gtest/gtest.h>

namespace sealmount {
namespace {

using Strings = std::vector<std::string>;

class CommandLineTest : public testing::Test {
  protected:
    CommandLineTest() {
        table_.common.option("--root", "DIR", root, "operate on the system rooted at DIR");
        table_.common.flag("--json", json, "print JSON");
        Arguments& take = add("enroll");
        take.argument("NAME", name, "the volume's name");
        take.option("--lower", "DIR", lower, "the directory with the encrypted files");
        take.option("--option", "OPTION", options, "a mount option");
        take.option("--command-line", "TEXT", command_line, "the kernel's command line");
        take.option_or_flag("--replace", "OLD=NEW", replace, "replace");
        take.choice("--policy", {"pcr", "none"}, policy, "the policy");
        take.number("--boots", {1, 1000}, boots, "how many boots");
        take.numbers("--slot", {1}, slots, "this slot");
        take.seconds("--timeout", {1, 86400}, timeout, "how long to wait");
        take.flag("--yes", yes, "do not ask");
        add("list");
        add("slots");
        add("status").argument("NAME", name, "one volume only");
        add("inspect").required_argument("DIR", lower, "the directory to look at");
        add("import-private").required_arguments("USER", users, "whose volumes to take over");
        add("sign").required_option("--key", "FILE", lower, "sign with this key");
    }

    Wish read(const Strings& words) { return read_command_line(table_, words); }

    /// The verb that was read.
    std::string verb_of(const Strings& words) {
        const Wish wish = read(words);
        return wish.kind == Wish::Kind::run ? wish.verb->name : "";
    }

    std::string refusal(const Strings& words) {
        try {
            static_cast<void>(read(words));
        } catch (const Error& error) {
            EXPECT_EQ(error.reason(), Reason::usage);
            return error.what();
        }
        return "not refused";
    }

    std::string root = "/", name, lower, policy;
    std::optional<std::string> command_line;
    Strings options, replace, users;
    unsigned boots = 1, timeout = 90;
    std::vector<unsigned> slots;
    bool json = false, yes = false;

  private:
    Arguments& add(const std::string& verb) {
        return table_.verbs.emplace_back(DeclaredVerb{"", verb, "does " + verb, {}}).arguments;
    }

    CommandTable table_{.program = "sealmount", .summary = "Mounts", .manuals = "sealmount(8)"};
};

TEST_F(CommandLineTest, ValuesArriveAsTheyWereWritten) {
    EXPECT_EQ(verb_of({"enroll", "vault", "--lower", "/srv/.vault", "--option", "[a,b]", "--option", "a,b",
                       "--option=[[aabb]]", "--option", "\"q\"", "--option=x=y", "--yes"}),
              "enroll");
    EXPECT_EQ(name, "vault");
    EXPECT_EQ(lower, "/srv/.vault");
    EXPECT_EQ(options, (Strings{"[a,b]", "a,b", "[[aabb]]", "\"q\"", "x=y"}));
    EXPECT_TRUE(yes);
}

TEST_F(CommandLineTest, StrangeValuesAreValues) {
    for (const char* const value : {"-", "++", "@", "@list", "list", "help", "[]", "[[]]", "{}", "%%", "'",
                                    "", "list.x", "--frob", "-x", "--frob=x", "-5", "a b", "\xff"}) {
        command_line.reset();
        EXPECT_EQ(verb_of({"enroll", "--command-line", value}), "enroll") << value;
        EXPECT_EQ(command_line, value);
        command_line.reset();
        EXPECT_EQ(verb_of({"enroll", std::string{"--command-line="} + value}), "enroll") << value;
        EXPECT_EQ(command_line, value);
    }
}

TEST_F(CommandLineTest, NamesOfVerbsAreArgumentsBehindOne) {
    for (const char* const word : {"list", "status", "help", "++", "@status", "list.x", "[a]", "-", ""}) {
        EXPECT_EQ(verb_of({"status", word}), "status") << word;
        EXPECT_EQ(name, word);
        EXPECT_EQ(verb_of({"status", "--", word}), "status") << word;
        EXPECT_EQ(name, word);
    }
    EXPECT_EQ(verb_of({"status", "--json", "--", "--json"}), "status");
    EXPECT_EQ(name, "--json");
}

TEST_F(CommandLineTest, CommonOptionsStandBeforeAndBehindTheVerb) {
    EXPECT_EQ(verb_of({"--root", "/x", "--json", "status", "vault"}), "status");
    EXPECT_EQ(root, "/x");
    EXPECT_TRUE(json);
    json = false;
    EXPECT_EQ(verb_of({"status", "--root=/y", "vault", "--json"}), "status");
    EXPECT_EQ(root, "/y");
    EXPECT_TRUE(json);
    EXPECT_EQ(name, "vault");
    EXPECT_EQ(verb_of({"--json", "--json", "list", "--json"}), "list");
}

TEST_F(CommandLineTest, OptionWithOrWithoutValue) {
    EXPECT_EQ(verb_of({"enroll", "--replace", "a=b", "--replace", "--yes"}), "enroll");
    EXPECT_EQ(replace, (Strings{"a=b", ""}));
    EXPECT_EQ(verb_of({"enroll", "--replace=-5=/x", "--replace", "-"}), "enroll");
    EXPECT_EQ(replace, (Strings{"-5=/x", "-"}));
    EXPECT_EQ(verb_of({"enroll", "--replace"}), "enroll");
    EXPECT_EQ(replace, Strings{""});
}

TEST_F(CommandLineTest, SeveralArguments) {
    EXPECT_EQ(verb_of({"import-private", "anna", "--json", "bob"}), "import-private");
    EXPECT_EQ(users, (Strings{"anna", "bob"}));
}

TEST_F(CommandLineTest, Numbers) {
    EXPECT_EQ(verb_of({"enroll", "--boots", "1000", "--slot", "1", "--slot=12", "--timeout", "5min"}),
              "enroll");
    EXPECT_EQ(boots, 1000U);
    EXPECT_EQ(slots, (std::vector<unsigned>{1, 12}));
    EXPECT_EQ(timeout, 300U);
    for (const char* const number :
         {"1,2", "1_2", "1'2", "0b11", "0o17", "0x1f", "010", "1e3", "+1", "-1", " 1", "1 ", "1.0",
          "4294967296", "18446744073709551617", "0", "[1]", "one"}) {
        EXPECT_EQ(refusal({"enroll", std::string{"--slot="} + number}),
                  std::string{"--slot \""} + number +
                      "\": expected a number of at least 1, in decimal digits; for several, give the option "
                      "several times");
    }
    EXPECT_EQ(refusal({"enroll", "--boots", "1001"}),
              "--boots \"1001\": expected a number from 1 to 1000, in decimal digits");
    EXPECT_EQ(refusal({"enroll", "--timeout", "5 min"}),
              "--timeout \"5 min\": expected 1 to 86400 seconds, or a time such as 90s or 5min");
}

TEST_F(CommandLineTest, HelpAndVersion) {
    for (const Strings& words :
         {Strings{"help"}, {"--help"}, {"-h"}, {"help", "help"}, {"--json", "-h"}, {"help", "--help"}}) {
        EXPECT_EQ(read(words).kind, Wish::Kind::show_help);
        EXPECT_EQ(read(words).verb, nullptr);
    }
    for (const Strings& words : {Strings{"help", "list"},
                                 {"list", "--help"},
                                 {"list", "-h"},
                                 {"--help", "list"},
                                 {"list", "too", "much", "--frob", "--help"}}) {
        EXPECT_EQ(read(words).kind, Wish::Kind::show_help);
        ASSERT_NE(read(words).verb, nullptr);
        EXPECT_EQ(read(words).verb->name, "list");
    }
    EXPECT_EQ(read({"--version"}).kind, Wish::Kind::show_version);
    EXPECT_EQ(read({"-V"}).kind, Wish::Kind::show_version);
}

struct RefusalCase {
    Strings words;
    std::string message;
};

class CommandLineRefusalTest : public CommandLineTest, public testing::WithParamInterface<RefusalCase> {};

TEST_P(CommandLineRefusalTest, SaysWhatIsWrong) {
    EXPECT_EQ(refusal(GetParam().words), GetParam().message);
}

const RefusalCase refusals[] = {
    {{}, "no command is given; 'sealmount help' lists the commands"},
    {{"--json"}, "no command is given; 'sealmount help' lists the commands"},
    {{"lst"}, "unknown command \"lst\"; did you mean \"list\"?"},
    {{"enrll", "vault", "--lower", "/x"}, "unknown command \"enrll\"; did you mean \"enroll\"?"},
    {{"frobnicate"}, "unknown command \"frobnicate\"; 'sealmount help' lists the commands"},
    {{""}, "unknown command \"\"; 'sealmount help' lists the commands"},
    {{"help", "lst"}, "unknown command \"lst\"; did you mean \"list\"?"},
    {{"frob", "list"}, "unknown command \"frob\"; 'sealmount help' lists the commands"},
    {{"--frob", "list"}, "unknown option \"--frob\"; 'sealmount help' lists the commands"},
    {{"--lower", "/x", "enroll"}, "--lower stands before its command: write 'sealmount enroll --lower ...'"},
    {{"enroll", "--lowr", "/x"},
     "unknown option \"--lowr\" of 'sealmount enroll'; did you mean \"--lower\"?"},
    {{"enroll", "vault", "--passphrase=secret"},
     "unknown option \"--passphrase\" of 'sealmount enroll'; 'sealmount help enroll' lists its arguments and "
     "options"},
    {{"enroll", "vault", "--passphrase", "secret"},
     "unknown option \"--passphrase\" of 'sealmount enroll'; 'sealmount help enroll' lists its arguments and "
     "options"},
    {{"enroll", "-x"},
     "unknown option \"-x\" of 'sealmount enroll'; 'sealmount help enroll' lists its arguments and options"},
    {{"enroll", "--lower"}, "--lower needs a value: --lower DIR"},
    {{"--root"}, "--root needs a value: --root DIR"},
    {{"enroll", "--lower", "--yes"}, "--lower needs a value: --lower DIR"},
    {{"enroll", "--lower", "--timeout=5"}, "--lower needs a value: --lower DIR"},
    {{"enroll", "--lower", "/x", "--lower", "/y"}, "--lower is given 2 times: it takes one value"},
    {{"enroll", "--slot="}, "--slot needs a value that is not empty: --slot N"},
    {{"enroll", "--lower="}, "--lower needs a value that is not empty: --lower DIR"},
    {{"enroll", "--lower", ""}, "--lower needs a value that is not empty: --lower DIR"},
    {{"--root", "", "list"}, "--root needs a value that is not empty: --root DIR"},
    {{"enroll", "--option", ""}, "--option needs a value that is not empty: --option OPTION"},
    {{"enroll", "--replace", ""}, "--replace needs a value that is not empty: --replace OLD=NEW"},
    {{"enroll", "--replace="}, "--replace needs a value that is not empty: --replace OLD=NEW"},
    {{"enroll", "--replace", "-5=/x"},
     "--replace \"-5=/x\": write a value that begins with - as --replace=-5=/x"},
    {{"enroll", "--replace", "-5"}, "--replace \"-5\": write a value that begins with - as --replace=-5"},
    {{"--root", "/a", "list", "--root", "/b"},
     "--root is given before the command and behind it: it takes one value"},
    {{"enroll", "--yes=no"}, "--yes takes no value"},
    {{"list", "--json="}, "--json takes no value"},
    {{"enroll", "--policy", "frob"}, "--policy \"frob\": expected one of pcr, none"},
    {{"inspect"},
     "'sealmount inspect' needs DIR: the directory to look at; 'sealmount help inspect' lists its arguments "
     "and options"},
    {{"import-private"},
     "'sealmount import-private' needs USER: whose volumes to take over; 'sealmount help import-private' "
     "lists its "
     "arguments and options"},
    {{"sign"},
     "'sealmount sign' needs --key FILE: sign with this key; 'sealmount help sign' lists its arguments and "
     "options"},
    {{"status", "vault", "home"},
     "'sealmount status' takes one NAME: \"home\" is too much; 'sealmount help status' lists its arguments "
     "and options"},
    {{"list", "status"},
     "'sealmount list' takes no arguments: \"status\" is too much; 'sealmount help list' lists its arguments "
     "and options"},
};

INSTANTIATE_TEST_SUITE_P(All, CommandLineRefusalTest, testing::ValuesIn(refusals));

} // namespace
} // namespace sealmount
