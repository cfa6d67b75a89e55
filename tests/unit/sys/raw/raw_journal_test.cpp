// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/raw/raw_journal.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <unistd.h>

namespace sealmount {

TEST(RawJournalTest, FieldsAreLines) {
    JournalRecord record;
    record.add("MESSAGE", "unlocked");
    record.add("PRIORITY", "6");
    EXPECT_EQ(record.text(), "MESSAGE=unlocked\nPRIORITY=6\n");
}

TEST(RawJournalTest, AValueOfSeveralLinesHasItsSize) {
    JournalRecord record;
    record.add("MESSAGE", "a\nb");
    EXPECT_EQ(record.text(), std::string("MESSAGE\n\3\0\0\0\0\0\0\0a\nb\n", 20));
}

TEST(RawJournalTest, TheStatusGoesToTheServiceManager) {
    std::string directory = (std::filesystem::temp_directory_path() / "sealmount-notify.XXXXXX").string();
    ASSERT_NE(::mkdtemp(directory.data()), nullptr);
    const std::string path = directory + "/socket";
    const int socket = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    ::sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_EQ(::bind(socket, reinterpret_cast<const ::sockaddr*>(&address), sizeof address), 0);
    ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
    notify_status("Unlocked");
    std::array<char, 64> got{};
    EXPECT_EQ(::recv(socket, got.data(), got.size(), 0), 15);
    EXPECT_STREQ(got.data(), "STATUS=Unlocked");
    for (const char* const useless : {"", "/", "vsock:2:1", "relative"}) {
        ::setenv("NOTIFY_SOCKET", useless, 1);
        notify_status("Unlocked");
    }
    ::unsetenv("NOTIFY_SOCKET");
    notify_status("Unlocked");
    EXPECT_EQ(::recv(socket, got.data(), got.size(), 0), -1);
    ::close(socket);
    std::filesystem::remove_all(directory);
}

} // namespace sealmount
