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

TEST_F(RawFileTest, LinksAreReplacedAtOnce) {
    EXPECT_FALSE(read_raw_link(top_ + "/note"));
    EXPECT_TRUE(write_raw_link(top_, "note", "trusted:0123"));
    EXPECT_TRUE(write_raw_link(top_, "note", "user:4567"));
    EXPECT_EQ(read_raw_link(top_ + "/note"), "user:4567");
    EXPECT_FALSE(read_raw_link(put("file", "x"))) << "a file is not a note";
    EXPECT_FALSE(write_raw_link(top_ + "/absent", "note", "x"));
    EXPECT_TRUE(rename_raw_file(top_ + "/note", top_ + "/other"));
    EXPECT_FALSE(rename_raw_file(top_ + "/note", top_ + "/other"));
    auto names = names_in_raw_directory(top_);
    ASSERT_TRUE(names);
    std::ranges::sort(*names);
    EXPECT_EQ(*names, (std::vector<std::string>{"file", "other"})) << "and nothing else is left";
}

TEST_F(RawFileTest, DirectoriesAndStreams) {
    EXPECT_TRUE(make_raw_directory(top_ + "/new"));
    EXPECT_TRUE(make_raw_directory(top_ + "/new")) << "it is there";
    EXPECT_FALSE(make_raw_directory(top_ + "/absent/new"));
    EXPECT_TRUE(names_in_raw_directory(top_ + "/absent")->empty());
    EXPECT_FALSE(names_in_raw_directory(put("file", "x")));
    EXPECT_TRUE(remove_raw_file(top_ + "/file"));
    EXPECT_TRUE(remove_raw_file(top_ + "/file")) << "gone is gone";
    EXPECT_FALSE(may_exist(top_ + "/file"));
    EXPECT_TRUE(may_exist(top_ + "/new"));
    const auto mounts = read_raw_stream("/proc/self/mountinfo");
    ASSERT_TRUE(mounts);
    EXPECT_NE(mounts->find(" / "), std::string::npos);
    EXPECT_FALSE(read_raw_stream(top_ + "/absent"));
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
