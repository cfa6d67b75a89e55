// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/files/plain_mount.hpp"

#include <gtest/gtest.h>

#include <sys/mount.h>

#include <string>
#include <string_view>
#include <vector>

namespace sealmount {
namespace {

using Given = std::vector<std::string_view>;

constexpr const char* usual =
    "rw,nosuid,noatime,sig=7f475b5d20a645dc,ecryptfs_cipher=aes,ecryptfs_key_bytes=32";

TEST(PlainMountTest, FlagsAndOptionsOfEcryptfsAreToldApart) {
    const PlainMount expected{.lower = "/srv/.vault",
                              .mountpoint = "/srv/vault",
                              .flags = MS_NOSUID | MS_NOATIME,
                              .options = "sig=7f475b5d20a645dc,ecryptfs_cipher=aes,ecryptfs_key_bytes=32"};
    EXPECT_EQ(plain_mount(Given{"/srv/.vault", "/srv/vault", "-o", usual}), expected);
    EXPECT_EQ(plain_mount(Given{"-o", usual, "/srv/.vault", "/srv/vault"}), expected);
}

TEST(PlainMountTest, TheLastOfTwoFlagsCounts) {
    const auto flags = [](const std::string_view options) {
        return plain_mount(Given{"/a", "/b", "-o", options}).value().flags;
    };
    EXPECT_EQ(flags("sig=1,ro"), MS_RDONLY);
    EXPECT_EQ(flags("ro,sig=1,rw"), 0U);
    EXPECT_EQ(flags("noexec,nodev,dev,sig=1"), MS_NOEXEC);
}

TEST(PlainMountTest, WhateverElseThereIsIsLeftToMount) {
    for (const std::string_view options :
         {"rw,sig=1,remount", "sig=1,bind", "sig=1,user", "sig=1,x-systemd.automount", "sig=1,verbosity=0",
          "sig=1,context=\"a,b\"", "sig=1,,ro", "sig=1,loop", "rw", "", "SIG=1"}) {
        EXPECT_FALSE(plain_mount(Given{"/a", "/b", "-o", options})) << options;
    }
    for (const Given& words :
         {Given{}, Given{"/a"}, Given{"/a", "/b"}, Given{"/a", "/b", "-o"}, Given{"/a", "-o", "sig=1"},
          Given{"a", "/b", "-o", "sig=1"}, Given{"/a", "/b", "/c", "-o", "sig=1"},
          Given{"/a", "/b", "-f", "-o", "sig=1"}, Given{"/a", "/b", "-N", "/proc/1/ns/mnt", "-o", "sig=1"}}) {
        EXPECT_FALSE(plain_mount(words));
    }
}

} // namespace
} // namespace sealmount
