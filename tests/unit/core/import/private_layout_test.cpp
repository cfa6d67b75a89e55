// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/import/private_layout.hpp"

#include "base/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sealmount {

using ::testing::HasSubstr;
using ::testing::Not;

namespace {

constexpr const char* content = "7f475b5d20a645dc";
constexpr const char* names = "c61563a65ef80ad1";

/// The message, or "" when the text is taken.
std::string complaint_about_signatures(const std::string& text) {
    try {
        static_cast<void>(private_signatures(text));
        return "";
    } catch (const Error& error) {
        EXPECT_EQ(error.reason(), Reason::bad_data);
        return error.what();
    }
}

} // namespace

TEST(PrivateLayoutTest, OneLineIsOfTheContentsASecondOfTheNames) {
    const PrivateSignatures one{.content = content, .filename = {}};
    const PrivateSignatures two{.content = content, .filename = names};
    EXPECT_EQ(private_signatures("7f475b5d20a645dc\n"), one);
    EXPECT_EQ(private_signatures("7f475b5d20a645dc"), one);
    EXPECT_EQ(private_signatures("7f475b5d20a645dc\nc61563a65ef80ad1\n"), two);
    EXPECT_EQ(private_signatures("7f475b5d20a645dc \r\nc61563a65ef80ad1\tx\nmore\n"), two);
}

TEST(PrivateLayoutTest, WhatIsNoSignatureIsNotRepeated) {
    for (const std::string text : {"", "\n", "root:x:0:0", "7F475B5D20A645DC\n", "7f475b5d20a645d\n",
                                   "7f475b5d20a645dc0\n", "7f475b5d20a645dc\nroot:x:0:0\n"}) {
        EXPECT_THAT(complaint_about_signatures(text), HasSubstr("is not a signature")) << text;
        EXPECT_THAT(complaint_about_signatures(text), Not(HasSubstr("root"))) << text;
    }
    EXPECT_THAT(complaint_about_signatures("7f475b5d20a645dc\nx\n"), HasSubstr("line 2"));
}

TEST(PrivateLayoutTest, TheMountPointIsPrivateUnlessTheFileNamesAnother) {
    EXPECT_EQ(private_mountpoint("", "/home/anna"), "/home/anna/Private");
    EXPECT_EQ(private_mountpoint("\n\n", "/home/anna"), "/home/anna/Private");
    EXPECT_EQ(private_mountpoint("/home/anna\n", "/home/anna"), "/home/anna");
    EXPECT_EQ(private_mountpoint("\n/home/anna/My Files/\n/etc\n", "/home/anna"), "/home/anna/My Files");
}

TEST(PrivateLayoutTest, AMountPointThatNoVolumeCanHaveIsRefused) {
    for (const char* const text : {"Private\n", "/\n", "/home/anna/../root\n", "/home//anna\n", "/a\tb\n"}) {
        EXPECT_THROW(static_cast<void>(private_mountpoint(text, "/home/anna")), Error) << text;
    }
}

TEST(PrivateLayoutTest, AnEncryptedHomeHasItsStoreBesideTheHomes) {
    EXPECT_EQ(private_store("anna"), "/home/.ecryptfs/anna");
    for (const char* const name : {"", ".", "..", "../root", "a/b"}) {
        EXPECT_FALSE(private_store(name)) << name;
    }
}

} // namespace sealmount
