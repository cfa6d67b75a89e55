// What --help prints.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "app/arguments/help.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

namespace sealmount {
namespace {

class HelpTest : public testing::Test {
  protected:
    HelpTest() {
        table_.common.option("--root", "DIR", root_, "operate on the system rooted at DIR");
        DeclaredVerb take{
            "Volumes", "enroll", "set up an existing eCryptfs volume to be unlocked by the TPM", {}};
        take.arguments.argument("NAME", text_, "the volume's name");
        take.arguments.required_option("--lower", "DIR", text_, "the directory with the encrypted files");
        take.arguments.option("--option", "OPTION", texts_, "a mount option, such as nosuid");
        take.arguments.seconds("--timeout", {}, number_, "how long to wait for each answer");
        take.arguments.choice("--policy", {"pcr", "signed", "pcrlock", "none"}, text_, "what it is bound to");
        table_.verbs.push_back(std::move(take));
        table_.verbs.push_back({"Rescue", "recover", "mount a volume on a rescue system", {}});
    }

    CommandTable table_{.program = "sealmount",
                        .summary = "mounts eCryptfs volumes at boot with keys that the TPM holds",
                        .manuals = "sealmount(8), sealmount-policy(7)"};

  private:
    std::string root_ = "/", text_;
    std::vector<std::string> texts_;
    unsigned number_ = 90;
};

TEST_F(HelpTest, OfAVerb) {
    EXPECT_EQ(help_text(table_, &table_.verbs[0], 80),
              R"(Usage: sealmount enroll --lower DIR [OPTION...] [NAME]

Set up an existing eCryptfs volume to be unlocked by the TPM.

Arguments:
  NAME  the volume's name

Options:
  --lower DIR                 the directory with the encrypted files
  --option OPTION             a mount option, such as nosuid; may be repeated
  --timeout TIME              how long to wait for each answer (default: 90s)
  --policy pcr|signed|pcrlock|none
                              what it is bound to

Options of all commands:
  --root DIR                  operate on the system rooted at DIR (default: /)
  -h, --help                  show this help

Manuals: sealmount(8), sealmount-policy(7)
)");
}

TEST_F(HelpTest, OfTheProgramListsVerbsInGroups) {
    EXPECT_EQ(help_text(table_, nullptr, 60),
              R"(Usage: sealmount [OPTION...] COMMAND [ARGUMENT...]

Mounts eCryptfs volumes at boot with keys that the TPM
holds.

Volumes:
  enroll   set up an existing eCryptfs volume to be unlocked
           by the TPM

Rescue:
  recover  mount a volume on a rescue system

'sealmount help COMMAND' lists the arguments and options of
a command.

Options of all commands:
  --root DIR
        operate on the system rooted at DIR (default: /)
  -h, --help
        show this help
  -V, --version
        show the version

Manuals: sealmount(8), sealmount-policy(7)
)");
}

TEST_F(HelpTest, WidthIsTheTerminals) {
    const auto width_with = [](const char* const columns) {
        ::setenv("COLUMNS", columns, 1);
        return help_width();
    };
    EXPECT_EQ(width_with("90"), 90U);
    EXPECT_EQ(width_with("200"), 100U);
    EXPECT_EQ(width_with("5"), 50U);
    ::unsetenv("COLUMNS");
}

} // namespace
} // namespace sealmount
