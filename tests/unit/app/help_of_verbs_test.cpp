// The help that people get to see: that of every verb.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "app/arguments/help.hpp"
#include "app/command.hpp"

#include <gtest/gtest.h>

#include <set>
#include <sstream>

namespace sealmount {
namespace {

constexpr std::size_t widths[] = {50, 60, 80, 100};

class HelpOfVerbsTest : public testing::Test {
  protected:
    Globals globals;
    Program program = program_of(globals);
};

TEST_F(HelpOfVerbsTest, NoLineIsLongerThanTheTerminal) {
    for (const std::size_t width : widths) {
        const auto expect_narrow = [&](const DeclaredVerb* const verb) {
            std::istringstream lines{help_text(program.table, verb, width)};
            for (std::string line; std::getline(lines, line);) {
                EXPECT_LE(line.size(), width) << line;
            }
        };
        expect_narrow(nullptr);
        for (const DeclaredVerb& verb : program.table.verbs) {
            expect_narrow(&verb);
        }
    }
}

TEST_F(HelpOfVerbsTest, EachVerbHasItsOwn) {
    std::set<std::string> helps;
    for (const DeclaredVerb& verb : program.table.verbs) {
        const std::string help = help_text(program.table, &verb, widths[2]);
        EXPECT_TRUE(help.starts_with("Usage: sealmount " + verb.name + " ")) << help;
        EXPECT_TRUE(helps.insert(help).second) << verb.name;
        EXPECT_TRUE(program.runs.contains(verb.name)) << verb.name;
    }
    EXPECT_EQ(helps.size(), program.runs.size());
}

TEST_F(HelpOfVerbsTest, ValuesSayWhatTheyAre) {
    for (const DeclaredVerb& verb : program.table.verbs) {
        EXPECT_FALSE(verb.summary.empty()) << verb.name;
        for (const Argument& option : verb.arguments.options()) {
            EXPECT_FALSE(option.help.empty()) << verb.name << " " << option.name;
            EXPECT_EQ(option.value.empty(), option.takes == Argument::Takes::nothing)
                << verb.name << " " << option.name;
            EXPECT_NE(option.value, "TEXT") << verb.name << " " << option.name;
        }
    }
}

TEST_F(HelpOfVerbsTest, NoOptionHasTwoMeanings) {
    std::set<std::string> common;
    for (const Argument& option : program.table.common.options()) {
        EXPECT_TRUE(common.insert(option.name).second) << option.name;
    }
    for (const DeclaredVerb& verb : program.table.verbs) {
        std::set<std::string> names = common;
        for (const Argument& option : verb.arguments.options()) {
            EXPECT_TRUE(names.insert(option.name).second) << verb.name << " " << option.name;
        }
    }
}

TEST_F(HelpOfVerbsTest, VerbsOfOneGroupStandTogether) {
    std::set<std::string> groups;
    std::string group;
    for (const DeclaredVerb& verb : program.table.verbs) {
        if (verb.group != group) {
            group = verb.group;
            EXPECT_TRUE(groups.insert(group).second) << group;
        }
    }
    EXPECT_GT(groups.size(), 1U);
}

} // namespace
} // namespace sealmount
