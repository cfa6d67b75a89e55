// The reader of plain volumes says what the strict one says, or nothing.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/volume/plain_volume.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sealmount {

namespace {

constexpr std::string_view required =
    R"("name":"vault","lower":"/srv/.vault","mountpoint":"/srv/vault","signature":"7f475b5d20a645dc","key_bytes":32)";

/// What is read: the problems, or the error, in words; then the volumes.
struct Reading {
    std::vector<std::string> problems;
    std::vector<Volume> volumes;

    bool operator==(const Reading&) const = default;
};

Reading reading_of(const std::string& text) {
    Reading result;
    try {
        Manifest manifest = read_manifest(text);
        for (const Error& problem : manifest.problems) {
            result.problems.emplace_back(problem.what());
        }
        result.volumes = std::move(manifest.volumes);
    } catch (const Error& error) {
        result.problems = {std::string{"whole: "} + error.what()};
    }
    return result;
}

/// As one document, and as one that has to be read as a whole, for an escape behind all else.
void expect_the_same(const std::string& members) {
    SCOPED_TRACE(members);
    const std::string plain = "{" + members + "}";
    const std::string escaped = "{" + members + R"(,"$schema":"\u0061"})";
    EXPECT_FALSE(volumes_of_plain_document(escaped));
    const Reading strict = reading_of(escaped);
    const Reading quick = reading_of(plain);
    if (!strict.problems.empty() && strict.problems.front().starts_with("whole: ")) {
        EXPECT_TRUE(quick.problems.size() == 1 && quick.problems.front().starts_with("whole: "));
    } else {
        EXPECT_EQ(quick.problems, strict.problems);
        EXPECT_EQ(quick.volumes, strict.volumes);
    }
}

std::string volume_with(const std::string_view members) {
    return "{" + std::string{required} + std::string{members} + "}";
}

} // namespace

TEST(PlainVolumeTest, WhatIsUsualIsPlain) {
    const std::string text = R"({"version": 1, "$schema": "manifest.schema.json", "volumes": [)" +
                             volume_with(R"(, "options": ["ro", "nodev"], "nofail": false, "before": ["a.service"])") +
                             ",\n" + volume_with(R"(,"filename_signature":"c61563a65ef80ad1")") + "]}\n";
    const auto volumes = volumes_of_plain_document(text);
    ASSERT_TRUE(volumes);
    ASSERT_EQ(volumes->size(), 2U);
    ASSERT_TRUE((*volumes)[0].plain);
    ASSERT_TRUE((*volumes)[1].plain);
    EXPECT_EQ((*volumes)[0].plain->options, (std::vector<std::string>{"ro", "nodev"}));
    EXPECT_EQ((*volumes)[1].plain->filename_key_bytes, 32U);
    EXPECT_TRUE((*volumes)[1].text.starts_with('{'));
    EXPECT_TRUE((*volumes)[1].text.ends_with('}'));
}

TEST(PlainVolumeTest, VolumesAreReadAsTheStrictReaderReadsThem) {
    for (const std::string_view members : {
             "",
             R"(,"cipher":"aes")",
             R"(,"cipher":"twofish")",
             R"(,"cipher":"rot13")",
             R"(,"cipher":"blowfish","filename_signature":"c61563a65ef80ad1")",
             R"(,"filename_cipher":"aes")",
             R"(,"filename_key_bytes":32)",
             R"(,"filename_signature":"c61563a65ef80ad1","filename_cipher":"cast5")",
             R"(,"filename_signature":"c61563a65ef80ad1","filename_cipher":"cast5","filename_key_bytes":16)",
             R"(,"salt":"0102030405060708")",
             R"(,"salt":"01020304")",
             R"(,"master":"second","form":"trusted")",
             R"(,"form":"auto")",
             R"(,"form":"maybe")",
             R"(,"options":[])",
             R"(,"options":["ro","sig=1"])",
             R"(,"options":["a b"])",
             R"(,"options":["\u0061"])",
             R"(,"options":"ro")",
             R"(,"options":["ro",])",
             R"(,"nofail":1)",
             R"(,"nofail":null)",
             R"(,"nofail":truer)",
             R"(,"timeout_seconds":1)",
             R"(,"timeout_seconds":0)",
             R"(,"timeout_seconds":-1)",
             R"(,"timeout_seconds":1.0)",
             R"(,"timeout_seconds":1e1)",
             R"(,"timeout_seconds":01)",
             R"(,"timeout_seconds":86400)",
             R"(,"timeout_seconds":86401)",
             R"(,"timeout_seconds":99999999999999999999)",
             R"(,"required_by":["smbd.service"],"before":["getty@tty1.service"],"requires":["srv-a\\x20b.mount"])",
             R"(,"before":["smbd"])",
             R"(,"before":["getty@.service"])",
             R"(,"before":[".service"])",
             R"(,"before":["@a.service"])",
             R"(,"before":["a b.service"])",
             R"(,"before":["%n.service"])",
             R"(,"automount":true)",
             R"(,"automount":true,"idle_timeout_seconds":60)",
             R"(,"automount":true,"idle_timeout_seconds":0)",
             R"(,"idle_timeout_seconds":60)",
             R"(,"automount":false,"idle_timeout_seconds":60)",
             R"(,"unknown":1)",
             R"(,"name":"twice")",
             R"(,"deep":[{"a":"}]"},{"b":"\"}"}])",
             R"(,)",
             R"(,"a")",
             "\n,\t\"headless\" :\r true ",
             ",\"master\":\"\xff\"",
             ",\"master\":\"a\x01\"",
         }) {
        expect_the_same(R"("version":1,"volumes":[)" + volume_with(members) + "]");
        expect_the_same(R"("version":1,"volumes":[)" + volume_with(members) + "," + volume_with("") + "]");
    }
}

TEST(PlainVolumeTest, DocumentsAreReadAsTheStrictReaderReadsThem) {
    const std::string one = volume_with("");
    for (const std::string& members : {
             std::string{R"("version":1)"},
             std::string{R"("volumes":[])"},
             std::string{R"("version":1,"volumes":[])"},
             std::string{R"("version":2,"volumes":[])"},
             std::string{R"("version":1.0,"volumes":[])"},
             std::string{R"("version":"1","volumes":[])"},
             std::string{R"("version":1,"version":1,"volumes":[])"},
             std::string{R"("version":1,"volumes":[],"volumes":[])"},
             std::string{R"("version":1,"volumes":{})"},
             std::string{R"("version":1,"volumes":[1])"},
             std::string{R"("version":1,"volumes":[null])"},
             std::string{R"("version":1,"volumes":[{}])"},
             std::string{R"("version":1,"volumes":[{},])"},
             std::string{R"("version":1,"volumes":["{"])"},
             std::string{R"("version":1,"volumes":[}])"},
             std::string{R"("version":1,"volumes":[],"more":1)"},
             R"("version":1,"volumes":[)" + one + "," + one + "]",
             R"("version":1,"volumes":[)" + one + " " + one + "]",
             R"("version":1,"volumes":[)" + one,
             R"("version":1,"volumes":[)" + one + "}",
         }) {
        expect_the_same(members);
    }
}

TEST(PlainVolumeTest, NothingBehindTheDocumentIsPlain) {
    const std::string text = R"({"version":1,"volumes":[]})";
    EXPECT_TRUE(volumes_of_plain_document(text + " \n"));
    EXPECT_FALSE(volumes_of_plain_document(text + "x"));
    EXPECT_FALSE(volumes_of_plain_document(text + std::string(1, '\0')));
    EXPECT_FALSE(volumes_of_plain_document("\xef\xbb\xbf" + text));
    EXPECT_FALSE(volumes_of_plain_document(""));
    EXPECT_FALSE(volumes_of_plain_document("{}"));
    EXPECT_FALSE(volumes_of_plain_document("[]"));
}

} // namespace sealmount
