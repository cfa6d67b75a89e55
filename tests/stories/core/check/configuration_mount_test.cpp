// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/store/configuration_mount.hpp"
#include "stories/fake_machine.hpp"
#include "sys/files/holding_mount.hpp"

#include <gmock/gmock.h>

#include <fstream>

namespace sealmount::testing {

namespace {

using ::testing::HasSubstr;

/// A line of /proc/self/mountinfo for each of these mount points.
std::string mountinfo(const std::vector<std::string>& mountpoints) {
    std::string text;
    for (const std::string& mountpoint : mountpoints) {
        text += "22 1 8:1 / " + mountpoint + " rw,relatime shared:1 - ext4 /dev/sda1 rw\n";
    }
    return text;
}

class ConfigurationMountTest : public FakeMachine {
  protected:
    void SetUp() override { std::filesystem::create_directories(directory()); }

    [[nodiscard]] std::string directory() const { return (root / "etc/sealmount").string(); }
    void write_table(const std::string& text) const { std::ofstream{root / "etc/fstab"} << text; }
    [[nodiscard]] std::optional<ConfigurationMount> found(const std::vector<std::string>& mountpoints) const {
        return configuration_mount(store.paths(), mountinfo(mountpoints));
    }
};

TEST(HoldingMountTest, TheLongestMountPointHolds) {
    const std::string table = mountinfo({"/", "/etc", "/etc/seal", "/srv/a\\040b"});
    EXPECT_EQ(mountpoint_holding(table, "/etc/sealmount"), "/etc");
    EXPECT_EQ(mountpoint_holding(table, "/etc/seal/x"), "/etc/seal");
    EXPECT_EQ(mountpoint_holding(table, "/etc"), "/etc");
    EXPECT_EQ(mountpoint_holding(table, "/var"), "/");
    EXPECT_EQ(mountpoint_holding(table, "/srv/a b/c"), "/srv/a b");
    EXPECT_EQ(mountpoint_holding("", "/etc"), "/");
}

TEST_F(ConfigurationMountTest, InTheRootFileSystemThereIsNone) {
    EXPECT_FALSE(found({"/"}));
    EXPECT_FALSE(found({"/", (root / "srv").string()}));
}

TEST_F(ConfigurationMountTest, OneOfItsOwnIsFoundAndNamed) {
    const auto mount = found({"/", directory()});
    ASSERT_TRUE(mount);
    EXPECT_EQ(mount->mountpoint, directory());
    EXPECT_FALSE(mount->is_in_table);
    const Problem problem = problem_with(*mount);
    EXPECT_THAT(problem.message, HasSubstr(directory()));
    EXPECT_EQ(problem.advice,
              (Advice{.kind = AdviceKind::mount_configuration_early, .subject = directory()}));
}

TEST_F(ConfigurationMountTest, OneThatTheInitrdMakesIsThereInTime) {
    write_table("/persist/sealmount " + directory() + " none bind 0 0\n");
    ASSERT_TRUE(found({"/", directory()}));
    EXPECT_TRUE(found({"/", directory()})->is_in_table);
    write_table("/persist/sealmount " + directory() + " none bind,x-initrd.mount 0 0\n");
    EXPECT_FALSE(found({"/", directory()}));
}

} // namespace

} // namespace sealmount::testing
