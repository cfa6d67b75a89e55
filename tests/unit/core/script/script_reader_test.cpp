// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/script/script_reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sealmount {

using testing::ElementsAre;
using testing::HasSubstr;

namespace {

ScriptGroup group_of(const std::string& text) {
    ScriptSource source{"f", configuration_lines(text)};
    return read_group(source).value_or(ScriptGroup{});
}

ScriptFault fault_of(const std::string& text) {
    ScriptSource source{"f", configuration_lines(text)};
    try {
        while (read_group(source)) {
        }
    } catch (const ScriptFault& fault) {
        return fault;
    }
    return {};
}

const ScriptPiece& block_of(const ScriptGroup& group) {
    return group.commands.at(0).words.back().back();
}

} // namespace

TEST(ScriptReaderTest, BlocksAreKeptWordForWord) {
    const ScriptGroup group =
        group_of("menuentry 'a' $b {\n\tlinux  /x  y # why\n\n\tif a; then\n\t\tb\n\tfi\n}\n");
    EXPECT_EQ(block_of(group).text, "\n\tlinux  /x  y # why\n\n\tif a; then\n\t\tb\n\tfi\n");
}

TEST(ScriptReaderTest, LinesThatBeginWithAHashAreNotThereEvenInBlocks) {
    const ScriptGroup group = group_of("menuentry a {\n#gone\n # stays\n\tb\n}\n");
    EXPECT_EQ(block_of(group).text, "\n # stays\n\tb\n");
    std::vector<unsigned> lines;
    for (const ScriptLine& line : block_of(group).body) {
        lines.push_back(line.number);
    }
    EXPECT_THAT(lines, ElementsAre(1, 3, 4, 5));
}

TEST(ScriptReaderTest, ALineIsAGroupUnlessABlockGoesOn) {
    ScriptSource source{"f", configuration_lines("a; b\nif a\nthen b\nfi; c\nx\n")};
    EXPECT_EQ(read_group(source).value().commands.size(), 2U);
    EXPECT_EQ(read_group(source).value().commands.size(), 2U);
    EXPECT_EQ(read_group(source).value().commands.size(), 1U);
    EXPECT_FALSE(read_group(source).has_value());
}

TEST(ScriptReaderTest, EmptyLinesAndCommentsAreEmptyGroups) {
    ScriptSource source{"f", configuration_lines("\n  # comment\na\n")};
    EXPECT_TRUE(read_group(source).value().commands.empty());
    EXPECT_TRUE(read_group(source).value().commands.empty());
    EXPECT_EQ(read_group(source).value().commands.size(), 1U);
}

TEST(ScriptReaderTest, WordsFallIntoPieces) {
    const ScriptWord word = pieces_of("a'b'\"c${d}e\"$1$\"f\"", 1);
    std::vector<std::pair<PieceKind, std::string>> pieces;
    for (const ScriptPiece& piece : word) {
        pieces.emplace_back(piece.kind, piece.text);
    }
    using enum PieceKind;
    using Pair = std::pair<PieceKind, std::string>;
    EXPECT_THAT(pieces, ElementsAre(Pair{text, "a"}, Pair{quoted, "b"}, Pair{quoted, "c"},
                                    Pair{quoted_variable, "d"}, Pair{quoted, "e"}, Pair{variable, "1"},
                                    Pair{translated, ""}, Pair{translated, "f"}));
}

TEST(ScriptReaderTest, BlocksMayNest) {
    const ScriptGroup group = group_of("submenu a {\n\tmenuentry b {\n\t\tc\n\t}\n}\n");
    EXPECT_EQ(block_of(group).text, "\n\tmenuentry b {\n\t\tc\n\t}\n");
}

TEST(ScriptReaderTest, QuotationMarksHideBraces) {
    EXPECT_EQ(block_of(group_of("menuentry a {\n\techo '}' \"}\" \\}\n}\n")).text,
              "\n\techo '}' \"}\" \\}\n");
}

TEST(ScriptReaderTest, FaultsHaveTheirLine) {
    EXPECT_EQ(fault_of("a\nb |c\n").line, 2U);
    EXPECT_THAT(fault_of("a\nb |c\n").reason, HasSubstr("\"|\""));
    EXPECT_EQ(fault_of("a\n\nif b; then\nc\n").line, 4U);
    EXPECT_EQ(fault_of("function 1 {\na\n}\n").line, 1U);
    EXPECT_EQ(fault_of("if a; then b; fi c\n").line, 1U);
    EXPECT_EQ(fault_of("for x in a b do c; done\n").line, 1U);
}

TEST(ScriptReaderTest, LongInputTakesTimeInProportion) {
    std::string text = "menuentry a {\n";
    for (unsigned line = 0; line < 50'000; ++line) {
        text += "\techo '" + std::to_string(line) + "'\n";
    }
    EXPECT_EQ(block_of(group_of(text + "}\n")).body.size(), 50'002U);
}

} // namespace sealmount
