// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/files/files.hpp"

#include "unit/vectors.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <stdexcept>
#include <string>

namespace sealmount {

namespace {

namespace fs = std::filesystem;
using ::testing::UnorderedElementsAre;

class FilesTest : public ::testing::Test {
  protected:
    FilesTest() {
        std::string name = (fs::temp_directory_path() / "sealmount-files.XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr) {
            throw std::runtime_error{"no temporary directory"};
        }
        directory = name;
    }
    ~FilesTest() override { fs::remove_all(directory); }

    std::set<std::string> names() const {
        std::set<std::string> found;
        for (const auto& entry : fs::directory_iterator{directory}) {
            found.insert(entry.path().filename().string());
        }
        return found;
    }

    fs::path directory;
};

TEST_F(FilesTest, SeveralAreWrittenTogether) {
    std::ofstream{directory / "b"} << "old";
    write_files_atomically({{directory / "a", "first"}, {directory / "b", "second"}}, 0600);
    EXPECT_THAT(names(), UnorderedElementsAre("a", "b"));
    EXPECT_EQ(test::read_file((directory / "a").string()), "first");
    EXPECT_EQ(test::read_file((directory / "b").string()), "second");
    EXPECT_EQ(fs::status(directory / "b").permissions(), fs::perms::owner_read | fs::perms::owner_write);
}

TEST_F(FilesTest, OneThatCannotBeWrittenLeavesNoTemporaryFile) {
    fs::create_directories(directory / "b" / "full");
    EXPECT_EQ(test::reason_of([&] {
                  write_files_atomically({{directory / "b", "second"}, {directory / "c", "third"}}, 0600);
              }),
              Reason::cannot_create);
    EXPECT_THAT(names(), UnorderedElementsAre("b"));
}

TEST_F(FilesTest, OneWithoutADirectoryKeepsAllFromBeingReplaced) {
    std::ofstream{directory / "a"} << "old";
    EXPECT_THROW(
        write_files_atomically({{directory / "a", "new"}, {directory / "missing" / "b", "second"}}, 0600),
        Error);
    EXPECT_EQ(test::read_file((directory / "a").string()), "old");
    EXPECT_THAT(names(), UnorderedElementsAre("a"));
}

TEST_F(FilesTest, NoneAtAllIsNoError) {
    write_files_atomically({}, 0600);
    EXPECT_TRUE(names().empty());
}

TEST_F(FilesTest, LeftoversOfOneFileAreThoseOfThatName) {
    for (const char* const name : {".key.sealmount-a1B2c3", ".key.2.sealmount-a1B2c3", ".key.sealmount-long7",
                                   ".mykey.sealmount-a1B2c3", "key.sealmount-a1B2c3"}) {
        std::ofstream{directory / name} << "x";
    }
    remove_leftovers(directory, "key");
    EXPECT_THAT(names(), UnorderedElementsAre(".key.2.sealmount-a1B2c3", ".key.sealmount-long7",
                                              ".mykey.sealmount-a1B2c3", "key.sealmount-a1B2c3"));
    remove_leftovers(directory);
    EXPECT_THAT(names(), UnorderedElementsAre(".key.sealmount-long7", "key.sealmount-a1B2c3"));
}

TEST_F(FilesTest, DirectoriesThatHoldANewNameAreNamed) {
    fs::create_directories(directory / "there");
    std::set<fs::path> changed;
    make_directory(directory / "there" / "new" / "deep", 0700, changed);
    EXPECT_TRUE(fs::is_directory(directory / "there" / "new" / "deep"));
    EXPECT_TRUE((changed == std::set<fs::path>{directory / "there", directory / "there" / "new"}));
    changed.clear();
    make_directory(directory / "there" / "new" / "deep", 0700, changed);
    EXPECT_TRUE(changed.empty());
}

} // namespace

} // namespace sealmount
