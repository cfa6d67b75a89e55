// The journal is given what UnlockJournal gives it, field by field.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "app/boot/boot_command.hpp"

#include "core/volume/unit_text.hpp"

#include <gtest/gtest.h>

namespace sealmount {

namespace {

constexpr const char* program = "sealmount-unlock";

PlainReport report_of(const PlainReport::Way way) {
    PlainReport report{
        .way = way, .master = "default", .volume = {.name = "vault", .mountpoint = "/srv/vault"}};
    if (way == PlainReport::Way::tpm) {
        report.slot = 2;
        report.along = {{.name = "notes", .mountpoint = "/srv/notes"},
                        {.name = "third", .mountpoint = "/srv/3"}};
    }
    return report;
}

} // namespace

TEST(BootMessageTest, AnUnlockByTheTpm) {
    const BootMessage message = boot_message({.kind = BootJob::Kind::volume, .name = "vault"},
                                             report_of(PlainReport::Way::tpm), "trusted", program);
    EXPECT_EQ(message.text, "unlocked by the TPM (slot 2, trusted key), and with it: notes, third");
    EXPECT_EQ(message.record.text(),
              "MESSAGE=unlocked by the TPM (slot 2, trusted key), and with it: notes, third\n"
              "PRIORITY=6\n"
              "VOLUME=vault\n"
              "MESSAGE_ID=fb38ccd3b3fc4e8ebc8a371a4c997e68\n"
              "MASTER=default\n"
              "WAY=tpm\n"
              "FORM=trusted\n"
              "SLOT=2\n"
              "ALONG=notes\n"
              "ALONG=third\n"
              "OBJECT_SYSTEMD_UNIT=sealmount-load@vault.service\n"
              "OBJECT_SYSTEMD_UNIT=srv-vault.mount\n"
              "SYSLOG_IDENTIFIER=sealmount-unlock\n");
}

TEST(BootMessageTest, AMasterKeysJobNamesAllMounts) {
    const BootMessage message = boot_message({.kind = BootJob::Kind::master, .name = "default"},
                                             report_of(PlainReport::Way::tpm), "user", program);
    EXPECT_EQ(message.text, "unlocked by the TPM (slot 2, user key), and with it: notes, third");
    EXPECT_TRUE(message.record.text().ends_with("ALONG=notes\n"
                                                "OBJECT_SYSTEMD_UNIT=srv-notes.mount\n"
                                                "ALONG=third\n"
                                                "OBJECT_SYSTEMD_UNIT=srv-3.mount\n"
                                                "OBJECT_SYSTEMD_UNIT=sealmount-unlock@default.service\n"
                                                "OBJECT_SYSTEMD_UNIT=srv-vault.mount\n"
                                                "SYSLOG_IDENTIFIER=sealmount-unlock\n"));
}

TEST(BootMessageTest, WhatIsThereAlready) {
    const BootJob job{.kind = BootJob::Kind::volume, .name = "vault"};
    const BootMessage loaded =
        boot_message(job, report_of(PlainReport::Way::loaded_already), "trusted", program);
    EXPECT_EQ(loaded.text, "the keys were loaded already");
    EXPECT_NE(loaded.record.text().find("WAY=loaded-already\nOBJECT"), std::string::npos);
    const BootMessage mounted =
        boot_message(job, report_of(PlainReport::Way::mounted_already), "trusted", program);
    EXPECT_EQ(mounted.text, "the volume is mounted already, and needs no keys any more");
    EXPECT_NE(mounted.record.text().find("WAY=mounted-already\nOBJECT"), std::string::npos);
}

TEST(BootMessageTest, MountUnitsAreNamedAsByTheGenerator) {
    for (const char* const path : {"/srv/vault", "/a", "/.hidden", "/a/.b", "/a b/c", "/a-b",
                                   "/Gr\xc3\xbc\xc3\x9f"
                                   "e",
                                   "/a:_.9", "/x%y"}) {
        EXPECT_EQ(plain_mount_unit(path), mount_unit_name(path)) << path;
    }
    EXPECT_FALSE(plain_mount_unit("/" + std::string(300, 'x')));
    EXPECT_TRUE(plain_mount_unit("/" + std::string(249, 'x')));
    EXPECT_FALSE(plain_mount_unit("/" + std::string(250, 'x')));
}

} // namespace sealmount
