// The journal is given what UnlockJournal gives it, field by field.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "app/boot/boot_command.hpp"

#include <gtest/gtest.h>

namespace sealmount {

TEST(BootMessageTest, AnUnlockByTheTpm) {
    const PlainReport report{
        .master = "default", .was_loaded = false, .slot = 2, .along = {"notes", "third"}};
    const BootMessage message =
        boot_message({.kind = BootJob::Kind::volume, .name = "vault"}, report, "trusted", "sealmount-unlock");
    EXPECT_EQ(message.text, "unlocked by the TPM (slot 2, trusted key), and with it: notes, third");
    EXPECT_EQ(message.record.text(),
              "MESSAGE=unlocked by the TPM (slot 2, trusted key), and with it: notes, third\n"
              "PRIORITY=6\n"
              "VOLUME=vault\n"
              "OBJECT_SYSTEMD_UNIT=sealmount-unlock@vault.service\n"
              "MESSAGE_ID=fb38ccd3b3fc4e8ebc8a371a4c997e68\n"
              "MASTER=default\n"
              "WAY=tpm\n"
              "FORM=trusted\n"
              "SLOT=2\n"
              "ALONG=notes\n"
              "ALONG=third\n"
              "SYSLOG_IDENTIFIER=sealmount-unlock\n");
}

TEST(BootMessageTest, KeysThatWereThere) {
    const PlainReport report{.master = "default", .was_loaded = true};
    const BootMessage message =
        boot_message({.kind = BootJob::Kind::volume, .name = "vault"}, report, "trusted", "sealmount-unlock");
    EXPECT_EQ(message.text, "the keys were loaded already");
    EXPECT_NE(message.record.text().find("WAY=loaded-already\nSYSLOG_IDENTIFIER"), std::string::npos);
}

TEST(BootMessageTest, AMasterKeysJob) {
    const PlainReport report{.master = "default", .was_loaded = false, .slot = 1, .along = {"vault"}};
    const BootMessage message =
        boot_message({.kind = BootJob::Kind::master, .name = "default"}, report, "user", "sealmount-unlock");
    EXPECT_EQ(message.text, "unlocked by the TPM (slot 1, user key): vault");
    EXPECT_EQ(message.record.text().find("VOLUME="), std::string::npos);
    EXPECT_NE(message.record.text().find("ALONG=vault\n"), std::string::npos);
}

} // namespace sealmount
