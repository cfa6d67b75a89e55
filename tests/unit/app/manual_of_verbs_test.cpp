// What sealmount(8) has to have: every verb, and every option.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "app/command.hpp"
#include "base/format.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>
#include <string_view>

namespace sealmount {
namespace {

class ManualOfVerbsTest : public testing::Test {
  protected:
    Globals globals;
    Program program = program_of(globals);
    std::string manual = read_manual();

    /// The lines below a heading, up to the next one.
    [[nodiscard]] std::string_view section(const std::string_view name) const {
        const std::string heading = formatted("\n# {}\n", name);
        const auto begin = manual.find(heading);
        if (begin == std::string::npos) {
            ADD_FAILURE() << SEALMOUNT_MANUAL << ": has no section " << name;
            return {};
        }
        const auto end = manual.find("\n# ", begin + 1);
        return std::string_view{manual}.substr(begin + heading.size() - 1, end - begin - heading.size() + 1);
    }

  private:
    static std::string read_manual() {
        std::ostringstream text;
        text << std::ifstream{SEALMOUNT_MANUAL}.rdbuf();
        return text.str();
    }
};

/// Is one of the terms of a list, which begin at the margin?
bool has_term(const std::string_view section, const std::string& term) {
    std::istringstream lines{std::string{section}};
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with('*') && line.find(term) != std::string::npos) {
            return true;
        }
    }
    return false;
}

TEST_F(ManualOfVerbsTest, SynopsisHasALineForEachVerb) {
    for (const DeclaredVerb& verb : program.table.verbs) {
        const std::string line = formatted("\n*sealmount {}*", verb.name);
        EXPECT_NE(section("SYNOPSIS").find(line), std::string_view::npos)
            << SEALMOUNT_MANUAL << ": SYNOPSIS has no line that begins with " << line.substr(1);
    }
}

TEST_F(ManualOfVerbsTest, EachVerbHasAParagraph) {
    for (const DeclaredVerb& verb : program.table.verbs) {
        const std::string term = formatted("*{}*", verb.name);
        EXPECT_TRUE(has_term(section("VERBS"), term))
            << SEALMOUNT_MANUAL << ": VERBS has no paragraph " << term;
    }
}

TEST_F(ManualOfVerbsTest, EachOptionIsNamed) {
    const auto expect_options = [&](const Arguments& arguments, const std::string& whose) {
        for (const Argument& option : arguments.options()) {
            const std::string name = formatted("*{}*", option.name);
            EXPECT_NE(manual.find(name), std::string::npos)
                << SEALMOUNT_MANUAL << ": " << name << " of " << whose << " is not mentioned";
        }
    };
    expect_options(program.table.common, "all verbs");
    for (const DeclaredVerb& verb : program.table.verbs) {
        expect_options(verb.arguments, verb.name);
    }
}

} // namespace
} // namespace sealmount
