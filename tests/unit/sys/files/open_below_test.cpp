// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/files/open_below.hpp"

#include "unit/fake_proc.hpp"

#include <gmock/gmock.h>

#include <fcntl.h>
#include <sys/stat.h>

namespace sealmount::testing {

namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

bool everything(const std::string&) {
    return true;
}

class OpenBelowTest : public ::testing::Test {
  protected:
    OpenBelowTest() {
        fake.process("1", "systemd", "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n", "host");
        std::filesystem::create_directories(lower());
        std::ofstream{lower() / "file"} << "text";
    }

    [[nodiscard]] std::filesystem::path lower() const { return fake.root("host") / "srv/.vault"; }

    [[nodiscard]] static std::uint64_t inode_of(const std::filesystem::path& file) {
        struct ::stat status = {};
        return ::stat(file.c_str(), &status) == 0 ? status.st_ino : 0;
    }

    FakeProc fake;
};

TEST_F(OpenBelowTest, NobodyHoldsAnything) {
    EXPECT_THAT(detached_uses(fake.proc(), {}, [](const std::string&) { return false; }), IsEmpty());
}

TEST_F(OpenBelowTest, AnOpenFileIsFoundOnceForItsProcess) {
    fake.process("50", "editor", "", "other");
    FakeProc::link(fake.proc() / "50/root", "/dev/null");
    FakeProc::link(fake.proc() / "50/fd/3", lower() / "file");
    FakeProc::link(fake.proc() / "50/fd/4", lower() / "file");
    FakeProc::link(fake.proc() / "50/fd/5", "/dev/null");
    FakeProc::link(fake.proc() / "1/root", "/dev/null");
    const auto uses = detached_uses(fake.proc(), {}, everything);
    ASSERT_THAT(uses, SizeIs(1));
    EXPECT_EQ(uses[0].process.id, 50U);
    EXPECT_EQ(uses[0].process.command, "editor");
    EXPECT_EQ(uses[0].inode, inode_of(lower() / "file"));
    EXPECT_FALSE(uses[0].root_inode) << "nothing leads up from a file";
}

TEST_F(OpenBelowTest, WhatIsInATableIsNotAskedFor) {
    struct ::statx status = {};
    ASSERT_EQ(::statx(AT_FDCWD, lower().c_str(), 0, STATX_TYPE, &status), 0);
    const std::string device =
        std::to_string(status.stx_dev_major) + ":" + std::to_string(status.stx_dev_minor);
    fake.process("50", "editor", "", "other");
    FakeProc::link(fake.proc() / "50/fd/3", lower() / "file");
    EXPECT_THAT(detached_uses(fake.proc(), {device}, everything), IsEmpty());
}

TEST_F(OpenBelowTest, ItIsTheVolumesWhereRootOrPathShowIt) {
    const auto view = MountView::of(fake.proc() / "1");
    ASSERT_TRUE(view);
    fake.process("50", "editor", "", "other");
    FakeProc::link(fake.proc() / "50/root", "/dev/null");
    FakeProc::link(fake.proc() / "1/root", "/dev/null");
    FakeProc::link(fake.proc() / "50/fd/3", lower() / "file");
    auto uses = detached_uses(fake.proc(), {}, everything);
    ASSERT_THAT(uses, SizeIs(1));
    DetachedUse& use = uses[0];
    use.path = "/file";
    EXPECT_EQ(is_mount_of_lower(use, *view, "/srv/.vault"), IsItsMount::yes) << "plain names";
    use.path = "/another name";
    EXPECT_EQ(is_mount_of_lower(use, *view, "/srv/.vault"), IsItsMount::unknown) << "encrypted names";
    use.root_inode = inode_of(lower());
    EXPECT_EQ(is_mount_of_lower(use, *view, "/srv/.vault"), IsItsMount::yes);
    use.root_inode = inode_of(lower()) + 1;
    EXPECT_EQ(is_mount_of_lower(use, *view, "/srv/.vault"), IsItsMount::no);
    use.root_inode.reset();
    use.file_system += 1;
    EXPECT_EQ(is_mount_of_lower(use, *view, "/srv/.vault"), IsItsMount::no) << "another file system";
}

} // namespace

} // namespace sealmount::testing
