// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/files/path_walk.hpp"

#include "sys/files/guard.hpp"

#include <gmock/gmock.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace sealmount::testing {

namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr uid_t anna = 61234;
constexpr uid_t bert = 61235;

/// A root of its own, in which directories may belong to users.
class PathWalkTest : public ::testing::Test {
  protected:
    void SetUp() override {
        if (::geteuid() != 0) {
            GTEST_SKIP() << "only root can give directories to users";
        }
        std::string name =
            (std::filesystem::canonical(std::filesystem::temp_directory_path()) / "sealmount-walk.XXXXXX")
                .string();
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        top = name;
        fd = UniqueFd{::open(name.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
        make("home");
        make("home/anna", anna);
        make("home/anna/vault", anna);
    }

    void TearDown() override {
        static_cast<void>(lift_guard(top / "home/anna/vault"));
        if (!top.empty()) {
            std::filesystem::remove_all(top);
        }
    }

    void make(const std::string& name, const uid_t owner = 0, const mode_t mode = 0755) const {
        ASSERT_EQ(::mkdir((top / name).c_str(), mode), 0) << name;
        ASSERT_EQ(::chmod((top / name).c_str(), mode), 0) << name;
        ASSERT_EQ(::chown((top / name).c_str(), owner, owner), 0) << name;
    }

    void link(const std::string& target, const std::string& name) const {
        std::filesystem::create_symlink(target, top / name);
    }

    /// The mask and the one user or group of an access list, as setfacl(1) writes it: acl(5), five entries.
    void let_write(const std::string& name, const std::uint16_t tag, const std::uint32_t id,
                   const std::uint16_t mask) const {
        struct Entry {
            std::uint16_t tag;
            std::uint16_t permissions;
            std::uint32_t id;
        };
        constexpr std::uint32_t nobody = 0xffffffff;
        const std::uint32_t version = 2;
        const std::array<Entry, 5> entries = {Entry{0x01, 7, nobody},
                                              tag == 0x02 ? Entry{tag, 7, id} : Entry{0x04, 5, nobody},
                                              tag == 0x02 ? Entry{0x04, 5, nobody} : Entry{tag, 7, id},
                                              Entry{0x10, mask, nobody}, Entry{0x20, 5, nobody}};
        std::array<char, sizeof version + sizeof entries> value{};
        std::memcpy(value.data(), &version, sizeof version);
        std::memcpy(value.data() + sizeof version, entries.data(), sizeof entries);
        if (::setxattr((top / name).c_str(), "system.posix_acl_access", value.data(), value.size(), 0) != 0) {
            ASSERT_EQ(errno, EOPNOTSUPP);
            GTEST_SKIP() << "the file system has no access lists";
        }
    }

    [[nodiscard]] PathLook look(const std::string& path, const PathLinks links = PathLinks::of_root) const {
        return look_along_path(fd.get(), path, links);
    }

    std::filesystem::path top;
    UniqueFd fd;
};

TEST_F(PathWalkTest, DirectoriesOfRootCanBeReplacedByNobody) {
    make("srv");
    make("srv/vault", anna);
    const PathLook found = look("/srv/vault");
    EXPECT_THAT(found.swaps, IsEmpty());
    EXPECT_EQ(found.owner, anna);
    EXPECT_EQ(found.resolved, "/srv/vault");
    EXPECT_EQ(look("/srv").owner, 0U);
}

TEST_F(PathWalkTest, WhatLiesInAUsersDirectoryCan) {
    make("home/anna/a", 0);
    make("home/anna/a/x", 0);
    const PathLook found = look("/home/anna/a/x");
    ASSERT_THAT(found.swaps, SizeIs(1)) << "/home/anna/a/x lies in a directory of root's";
    EXPECT_EQ(found.swaps[0].component, "/home/anna/a");
    EXPECT_EQ(found.swaps[0].holder, "/home/anna");
    EXPECT_EQ(found.swaps[0].by, SwapBy::owner);
    EXPECT_EQ(found.swaps[0].id, anna);
}

TEST_F(PathWalkTest, ButNotWhatIsImmutable) {
    if (const auto guarded = set_guard(top / "home/anna/vault"); !guarded) {
        GTEST_SKIP() << guarded.error();
    }
    EXPECT_THAT(look("/home/anna/vault").swaps, IsEmpty());
    ASSERT_EQ(::rename((top / "home/anna/vault").c_str(), (top / "home/anna/other").c_str()), -1)
        << "which is what the rule relies on";
    EXPECT_EQ(errno, EPERM);
    ASSERT_TRUE(lift_guard(top / "home/anna/vault"));
    EXPECT_THAT(look("/home/anna/vault").swaps, SizeIs(1));
}

TEST_F(PathWalkTest, WhoeverMayWriteCanReplace) {
    make("everybody", 0, 0757);
    make("everybody/vault");
    make("group", 0, 0775);
    make("group/vault");
    ASSERT_EQ(::chown((top / "group").c_str(), 0, anna), 0);
    ASSERT_THAT(look("/everybody/vault").swaps, SizeIs(1));
    EXPECT_EQ(look("/everybody/vault").swaps[0].by, SwapBy::everybody);
    ASSERT_THAT(look("/group/vault").swaps, SizeIs(1));
    EXPECT_EQ(look("/group/vault").swaps[0].by, SwapBy::group);
    EXPECT_EQ(look("/group/vault").swaps[0].id, anna);
    ASSERT_EQ(::chown((top / "group").c_str(), 0, 0), 0);
    EXPECT_THAT(look("/group/vault").swaps, IsEmpty()) << "root's own group";
}

TEST_F(PathWalkTest, AStickyDirectoryLeavesEachItsOwn) {
    make("tmp", 0, 01777);
    make("tmp/of-root");
    make("tmp/of-bert", bert);
    EXPECT_THAT(look("/tmp/of-root").swaps, IsEmpty());
    ASSERT_THAT(look("/tmp/of-bert").swaps, SizeIs(1));
    EXPECT_EQ(look("/tmp/of-bert").swaps[0].by, SwapBy::own);
    EXPECT_EQ(look("/tmp/of-bert").swaps[0].id, bert);
    EXPECT_THAT(look("/tmp/absent").swaps, SizeIs(1)) << "anybody could make it";
    ASSERT_EQ(::chown((top / "tmp").c_str(), anna, anna), 0);
    EXPECT_THAT(look("/tmp/of-root").swaps, SizeIs(1)) << "its owner can rename all of it";
}

TEST_F(PathWalkTest, AccessListsCount) {
    make("user");
    make("user/vault");
    make("group");
    make("group/vault");
    let_write("user", 0x02, anna, 7);
    let_write("group", 0x08, anna, 7);
    ASSERT_THAT(look("/user/vault").swaps, SizeIs(1));
    EXPECT_EQ(look("/user/vault").swaps[0].by, SwapBy::listed);
    EXPECT_THAT(look("/group/vault").swaps, SizeIs(1));
    let_write("user", 0x02, anna, 5);
    EXPECT_THAT(look("/user/vault").swaps, IsEmpty()) << "the mask takes it away again";
    let_write("user", 0x02, 0, 7);
    EXPECT_THAT(look("/user/vault").swaps, IsEmpty()) << "root may anyway";
}

TEST_F(PathWalkTest, OnlyLinksOfRootAreFollowed) {
    make("disk");
    make("disk/vault");
    make("disk/other");
    link("disk", "relative");
    link("/disk/other/../vault", "absolute");
    link("/disk", "home/anna/mine");
    EXPECT_EQ(look("/relative/vault").resolved, "/disk/vault");
    EXPECT_EQ(look("/absolute").resolved, "/disk/vault");
    EXPECT_FALSE(look("/absolute").link);
    const PathLook of_user = look("/home/anna/mine/vault");
    EXPECT_EQ(of_user.link, "/home/anna/mine");
    EXPECT_FALSE(of_user.owner);
    EXPECT_EQ(look("/relative/vault", PathLinks::refused).link, "/relative");
}

TEST_F(PathWalkTest, LinksThatEndNowhereEnd) {
    link("two", "one");
    link("one", "two");
    EXPECT_TRUE(look("/one").link);
    link("absent", "dangling");
    EXPECT_EQ(look("/dangling/x").missing, "/absent");
}

TEST_F(PathWalkTest, WhatIsMissingIsSaid) {
    EXPECT_EQ(look("/srv/vault").missing, "/srv");
    EXPECT_THAT(look("/srv/vault").swaps, IsEmpty());
    const PathLook found = look("/home/anna/a/x");
    EXPECT_EQ(found.missing, "/home/anna/a");
    EXPECT_THAT(found.swaps, SizeIs(1)) << "anna could make it";
}

TEST_F(PathWalkTest, WhoHasTheTopHasAllOfIt) {
    ASSERT_EQ(::chown(top.c_str(), anna, anna), 0);
    EXPECT_THAT(look("/home/anna/vault").swaps, IsEmpty());
}

} // namespace

} // namespace sealmount::testing
