// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/raw/raw_file.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace sealmount {

namespace {

namespace fs = std::filesystem;

class RawFileTest : public ::testing::Test {
  protected:
    void SetUp() override {
        std::string name = (fs::temp_directory_path() / "sealmount-raw.XXXXXX").string();
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        top_ = name;
    }
    void TearDown() override { fs::remove_all(top_); }

    [[nodiscard]] std::string put(const std::string& name, const std::string& contents,
                                  const mode_t mode = 0600) const {
        const std::string file = top_ + "/" + name;
        std::ofstream{file} << contents;
        EXPECT_EQ(::chmod(file.c_str(), mode), 0);
        return file;
    }

    std::string top_;
};

TEST_F(RawFileTest, ReadsWhatIsTrusted) {
    const std::string large(100000, 'x');
    EXPECT_EQ(read_raw_file(put("file", large)), large);
    EXPECT_EQ(read_raw_file(put("read-only", "x", 0444)), "x");
    EXPECT_EQ(read_raw_file(put("empty", "")), "");
    fs::create_symlink(top_ + "/read-only", top_ + "/link");
    EXPECT_EQ(read_raw_file(top_ + "/link"), "x") << "links are followed, as by read_trusted_file()";
}

TEST_F(RawFileTest, RefusesWhatOthersMayWrite) {
    EXPECT_FALSE(read_raw_file(put("group", "x", 0620)));
    EXPECT_FALSE(read_raw_file(put("others", "x", 0602)));
    EXPECT_FALSE(read_raw_file(top_));
    EXPECT_FALSE(read_raw_file(top_ + "/absent"));
    EXPECT_FALSE(read_raw_file_if_exists(top_));
    EXPECT_EQ(read_raw_file_if_exists(top_ + "/absent"), "");
    ASSERT_EQ(::mkfifo((top_ + "/pipe").c_str(), 0600), 0);
    EXPECT_FALSE(read_raw_file(top_ + "/pipe")) << "and does not wait for it";
}

TEST_F(RawFileTest, ReplacesAndLeavesNothingElse) {
    EXPECT_TRUE(replace_raw_file(top_, "note", "first\n"));
    EXPECT_TRUE(replace_raw_file(top_, "note", "second\n"));
    EXPECT_EQ(read_raw_file(top_ + "/note"), "second\n");
    EXPECT_FALSE(replace_raw_file(top_ + "/absent", "note", "x"));
    EXPECT_EQ(std::distance(fs::directory_iterator{top_}, fs::directory_iterator{}), 1);
    struct ::stat status = {};
    ASSERT_EQ(::stat((top_ + "/note").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777U, 0600U);
}

TEST_F(RawFileTest, FindsNames) {
    static_cast<void>(put("a.state", ""));
    static_cast<void>(put("b.state", ""));
    static_cast<void>(put(".state", ""));
    static_cast<void>(put("c.other", ""));
    auto names = names_ending_in(top_, ".state");
    ASSERT_TRUE(names);
    std::ranges::sort(*names);
    EXPECT_EQ(*names, (std::vector<std::string>{"a", "b"}));
    EXPECT_FALSE(names_ending_in(top_ + "/absent", ".state"));
    EXPECT_TRUE(remove_raw_file(top_ + "/a.state"));
    EXPECT_TRUE(remove_raw_file(top_ + "/a.state")) << "gone is gone";
    EXPECT_FALSE(may_exist(top_ + "/a.state"));
    EXPECT_TRUE(may_exist(top_ + "/b.state"));
}

TEST_F(RawFileTest, ALockKeepsOthersOut) {
    RawLock first{top_ + "/lock"};
    EXPECT_TRUE(first.is_held());
    const RawLock second{top_ + "/lock"};
    EXPECT_FALSE(second.is_held());
    EXPECT_TRUE(first.wait());
    RawLock nowhere{top_ + "/absent/lock"};
    EXPECT_FALSE(nowhere.is_held());
    EXPECT_FALSE(nowhere.wait());
}

} // namespace

} // namespace sealmount
