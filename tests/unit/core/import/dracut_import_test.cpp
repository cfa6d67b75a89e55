// dracut's settings, read as its scripts would run them.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "base/error.hpp"
#include "core/import/dracut_import.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sealmount {

namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string complaint_about(const std::string& text) {
    try {
        static_cast<void>(shell_variables(text));
    } catch (const Error& error) {
        EXPECT_EQ(error.reason(), Reason::config);
        return error.what();
    }
    return "";
}

TEST(ShellVariables, AreReadAsAShellWould) {
    const auto variables = shell_variables("# a comment\n"
                                           "\n"
                                           "PLAIN=/secret\n"
                                           "  QUOTED=\"/a b\"   # and why\n"
                                           "export SINGLE='$PLAIN'\n"
                                           "COPY=\"${PLAIN}/$PLAIN\"\n"
                                           "JOINED=a'b'\"c\"\n"
                                           "UNKNOWN=${NOT_THERE}\n"
                                           "EMPTY=\n"
                                           "PLAIN=/later");
    EXPECT_EQ(variables.at("QUOTED"), "/a b");
    EXPECT_EQ(variables.at("SINGLE"), "$PLAIN");
    EXPECT_EQ(variables.at("COPY"), "/secret//secret");
    EXPECT_EQ(variables.at("JOINED"), "abc");
    EXPECT_EQ(variables.at("UNKNOWN"), "");
    EXPECT_EQ(variables.at("EMPTY"), "");
    EXPECT_EQ(variables.at("PLAIN"), "/later");
}

TEST(ShellVariables, NoShellIsRun) {
    EXPECT_THAT(complaint_about("A=1\nB=$(uname -r)\n"), HasSubstr("line 2: has a '$'"));
    EXPECT_THAT(complaint_about("B=`uname`"), HasSubstr("line 1: has a '`'"));
    EXPECT_THAT(complaint_about("B=a;rm"), HasSubstr("has a ';'"));
    EXPECT_THAT(complaint_about("B=\"a\\\"\""), HasSubstr("has a '\\'"));
    EXPECT_THAT(complaint_about("B=${A:-x}"), HasSubstr("has a '$'"));
    EXPECT_THAT(complaint_about("B='a"), HasSubstr("quote that does not end"));
    EXPECT_THAT(complaint_about("B=\"a"), HasSubstr("quote that does not end"));
    EXPECT_THAT(complaint_about("B=a b"), HasSubstr("more than NAME=VALUE"));
    EXPECT_THAT(complaint_about("if true; then"), HasSubstr("is not NAME=VALUE"));
    EXPECT_THAT(complaint_about("1B=a"), HasSubstr("is not NAME=VALUE"));
}

TEST(DracutSetup, HasItsDefaults) {
    const DracutSetup setup = dracut_setup({});
    EXPECT_EQ(setup.master_type, "trusted");
    EXPECT_EQ(setup.master_file, "/etc/keys/kmk-trusted.blob");
    EXPECT_EQ(setup.key_file, "/etc/keys/ecryptfs-trusted.blob");
    EXPECT_EQ(setup.request.volume.lower, "/secret");
    EXPECT_EQ(setup.request.volume.mountpoint, "/secret");
    EXPECT_TRUE(setup.request.volume.no_passphrase);
    EXPECT_FALSE(setup.request.filename_encryption);
}

TEST(DracutSetup, TheFilesSayOtherwise) {
    const DracutSetup setup =
        dracut_setup({.masterkey = {{"MASTERKEYTYPE", "user"}, {"MULTIKERNELMODE", "YES"}},
                      .ecryptfs = {{"ECRYPTFS_KEY", "/etc/keys/mine"},
                                   {"ECRYPTFSSRCDIR", "/srv/.vault"},
                                   {"ECRYPTFSDSTDIR", "/srv/vault"},
                                   {"ECRYPTFS_EXTRA_MOUNT_OPTS",
                                    "ecryptfs_cipher=aes,ecryptfs_key_bytes=32,nosuid,verbosity=0,"
                                    "ecryptfs_fnek_sig=1000100010001000"}},
                      .command_line = {},
                      .kernel_release = "6.1.0-9-amd64"});
    EXPECT_EQ(setup.master_file, "/etc/keys/kmk-user-6.1.0-9-amd64.blob");
    EXPECT_EQ(setup.key_file, "/etc/keys/mine");
    EXPECT_EQ(setup.request.volume.lower, "/srv/.vault");
    EXPECT_EQ(setup.request.volume.mountpoint, "/srv/vault");
    EXPECT_EQ(setup.request.cipher, "aes");
    EXPECT_EQ(setup.request.key_bytes, 32U);
    EXPECT_TRUE(setup.request.filename_encryption);
    EXPECT_THAT(setup.request.volume.options, ElementsAre("nosuid"));
}

TEST(DracutSetup, TheKernelCommandLineWins) {
    const DracutSetup setup = dracut_setup(
        {.masterkey = {{"MASTERKEY", "/not/this"}},
         .ecryptfs = {{"ECRYPTFSKEY", "/nor/this"}},
         .command_line = "quiet masterkey=/boot/k masterkeytype=user ecryptfskey=/boot/e ecryptfskey=",
         .kernel_release = {}});
    EXPECT_EQ(setup.master_type, "user");
    EXPECT_EQ(setup.master_file, "/boot/k");
    EXPECT_EQ(setup.key_file, "/boot/e");
}

TEST(DracutSetup, WhatNoVolumeCanHaveIsRefused) {
    EXPECT_THROW(static_cast<void>(dracut_setup({.masterkey = {{"MASTERKEYTYPE", "asymmetric"}},
                                                 .ecryptfs = {},
                                                 .command_line = {},
                                                 .kernel_release = {}})),
                 Error);
    EXPECT_THROW(static_cast<void>(dracut_setup({.masterkey = {},
                                                 .ecryptfs = {{"ECRYPTFSSRCDIR", "secret"}},
                                                 .command_line = {},
                                                 .kernel_release = {}})),
                 Error);
}

} // namespace

} // namespace sealmount
