// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/ecryptfs/ciphers.hpp"
#include "core/volume/manifest.hpp"
#include "core/volume/manifest_rules.hpp"

#include "base/strict_json.hpp"
#include "unit/vectors.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace sealmount {

namespace {

Volume sample() {
    Volume volume;
    volume.name = "vault";
    volume.lower = "/srv/.vault";
    volume.mountpoint = "/srv/vault";
    volume.signature = "7f475b5d20a645dc";
    volume.key_bytes = volume.filename_key_bytes = 32;
    return volume;
}

Volume full_sample() {
    Volume volume = sample();
    volume.filename_signature = "c61563a65ef80ad1";
    volume.cipher = "twofish";
    volume.filename_cipher = "aes";
    volume.filename_key_bytes = 16;
    volume.master = "other";
    volume.options = {"nosuid", "ecryptfs_passthrough"};
    volume.nofail = false;
    volume.noauto = true;
    volume.headless = true;
    volume.salt = "0102030405060708";
    volume.timeout = std::chrono::seconds{5};
    return volume;
}

constexpr auto minimal_text = R"({
  "version": 1,
  "volumes": [
    {
      "name": "vault",
      "lower": "/srv/.vault",
      "mountpoint": "/srv/vault",
      "signature": "7f475b5d20a645dc",
      "cipher": "aes",
      "key_bytes": 32
    }
  ]
}
)";

} // namespace

TEST(ManifestEditTest, NewManifestHoldsOnlyWhatDiffers) {
    EXPECT_EQ(manifest_with("", sample()), minimal_text);
}

TEST(ManifestEditTest, EveryMemberComesBack) {
    EXPECT_EQ(read_manifest(manifest_with("", full_sample())).volumes, std::vector{full_sample()});
}

TEST(ManifestEditTest, WhatIsAddedIsTakenOutWithoutATrace) {
    Volume other = full_sample();
    other.name = "zwei";
    other.mountpoint = "/srv/zwei";
    EXPECT_EQ(manifest_without(manifest_with(minimal_text, other), "zwei"), minimal_text);
}

TEST(ManifestEditTest, EverythingElseKeepsItsOrder) {
    const std::string text = R"({"volumes":[{"key_bytes":32,"noauto":false,"signature":"7f475b5d20a645dc",)"
                             R"("mountpoint":"/a","lower":"/b","name":"a"}],"$schema":"s","version":1})";
    const std::string edited = manifest_without(manifest_with(text, sample()), "vault");
    EXPECT_EQ(edited, parse_json(text).dump(2) + "\n");
}

TEST(ManifestEditTest, LastVolumeLeavesAnEmptyManifest) {
    EXPECT_TRUE(read_manifest(manifest_without(minimal_text, "vault")).volumes.empty());
}

TEST(ManifestEditTest, UnknownVolumeCannotBeTakenOut) {
    const Error error = test::error_of([] { static_cast<void>(manifest_without(minimal_text, "none")); });
    EXPECT_EQ(error.reason(), Reason::no_input);
    EXPECT_STREQ(error.what(), "the manifest has no volume \"none\"");
}

TEST(ManifestEditTest, TakenNameIsRefused) {
    EXPECT_EQ(test::message_of([] { static_cast<void>(manifest_with(minimal_text, sample())); }),
              R"(volumes[1].name: "vault" is already the name of another volume: choose another name)");
}

TEST(ManifestEditTest, TakenMountPointIsRefused) {
    Volume other = sample();
    other.name = "other";
    EXPECT_EQ(test::message_of([&] { static_cast<void>(manifest_with(minimal_text, other)); }),
              R"(volumes[1].mountpoint: "/srv/vault" is already the mount point of volume "vault": )"
              "choose another directory");
}

TEST(ManifestEditTest, SeveralAreAddedInTheirOrder) {
    Volume other = full_sample();
    other.name = "zwei";
    other.mountpoint = "/srv/zwei";
    const std::string text = manifest_with("", std::vector{sample(), other});
    EXPECT_EQ(text, manifest_with(manifest_with("", sample()), other));
    EXPECT_EQ(manifest_with(text, std::vector<Volume>{}), text);
}

TEST(ManifestEditTest, NamesAreTakenAmongThoseThatAreAdded) {
    Volume other = sample();
    other.mountpoint = "/srv/other";
    EXPECT_EQ(test::message_of([&] {
                  static_cast<void>(manifest_with("", std::vector{sample(), other}));
              }),
              R"(volumes[1].name: "vault" is already the name of another volume: choose another name)");
}

TEST(ManifestEditTest, BadVolumeIsNeverWritten) {
    Volume bad = sample();
    bad.lower = "/a\nb";
    EXPECT_EQ(test::reason_of([&] { static_cast<void>(manifest_with("", bad)); }), Reason::config);
    bad.lower = "/a\xff";
    EXPECT_EQ(test::reason_of([&] { static_cast<void>(manifest_with("", bad)); }), Reason::config);
}

TEST(ManifestEditTest, WhatIsNotUnderstoodIsNotRewritten) {
    constexpr auto text = R"({"version":1,"volumes":[{"name":"a"}]})";
    EXPECT_EQ(test::message_of([] { static_cast<void>(manifest_with(text, sample())); }),
              "volumes[0].lower: is missing");
    EXPECT_EQ(test::message_of([] { static_cast<void>(manifest_without(text, "a")); }),
              "volumes[0].lower: is missing");
}

TEST(ComplaintTest, LongestPathHas4095Bytes) {
    EXPECT_FALSE(problem_with_path("/" + std::string(4094, 'a')));
    EXPECT_EQ(problem_with_path("/" + std::string(4095, 'a')),
              "the path is longer than the 4095 bytes that Linux allows: choose a shorter one");
}

TEST(ComplaintTest, UnusualPathsAreFine) {
    for (const char* const path :
         {"/a,b", "/a b", "/...", "/.a", "/a%n", "/a\\b", "/\xc3\xa4", "/$HOME", "/\"a\""}) {
        EXPECT_FALSE(problem_with_path(path)) << path;
    }
}

TEST(ComplaintTest, UsualOptionsAreFine) {
    for (const char* const option :
         {"nosuid", "nodev", "ro", "noatime", "ecryptfs_xattr_metadata", "ecryptfs_passthrough",
          "context=system_u:object_r:x:s0", "x-gvfs-hide"}) {
        EXPECT_FALSE(problem_with_option(option)) << option;
    }
}

TEST(ComplaintTest, LongestNameHas64Characters) {
    EXPECT_FALSE(problem_with_name(std::string(64, 'a')));
    EXPECT_TRUE(problem_with_name(std::string(65, 'a')));
}

TEST(ComplaintTest, EveryCipherHasItsSizes) {
    const std::map<std::string, std::set<std::int64_t>> table = {
        {"aes", {16, 24, 32}},     {"blowfish", {16, 32, 56}}, {"des3_ede", {24}},
        {"twofish", {16, 24, 32}}, {"cast6", {16, 24, 32}},    {"cast5", {16}}};
    for (const auto& [cipher, sizes] : table) {
        for (std::int64_t size = -1; size <= 64; ++size) {
            EXPECT_EQ(!problem_with_cipher(cipher, size), sizes.contains(size)) << cipher << " " << size;
        }
    }
}

TEST(ManifestEditTest, TheGroundIsWrittenAndReadBack) {
    Volume volume = sample();
    volume.ground =
        Ground{.uuid = "0b5c1a5e-0000-4000-8000-000000000001", .inode = 12, .generation = 0, .empty = true};
    const std::string text = manifest_with("", volume);
    EXPECT_NE(text.find(R"("ground": {
        "uuid": "0b5c1a5e-0000-4000-8000-000000000001",
        "inode": 12,
        "generation": 0,
        "empty": true
      })"),
              std::string::npos)
        << text;
    EXPECT_EQ(read_manifest(text).volumes, std::vector{volume});
    const Ground unknown;
    volume.ground = unknown;
    const std::string renewed = manifest_with_ground(text, "vault", unknown);
    EXPECT_NE(renewed.find(R"("uuid": "unknown")"), std::string::npos) << renewed;
    EXPECT_EQ(read_manifest(renewed).volumes, std::vector{volume});
    EXPECT_THROW(static_cast<void>(manifest_with_ground(text, "nobody", unknown)), Error);
}

TEST(ManifestEditTest, GroundsAreWrittenTogetherWithNewVolumes) {
    Volume other = sample();
    other.name = "other";
    other.mountpoint = "/srv/other";
    Volume added = sample();
    added.name = "added";
    added.mountpoint = "/srv/added";
    const std::string text = manifest_with("", std::vector{sample(), other});
    const Ground first{.uuid = "0b5c1a5e-0000-4000-8000-000000000001", .inode = 12};
    const Ground second{.uuid = "0b5c1a5e-0000-4000-8000-000000000001", .inode = 13};
    EXPECT_EQ(manifest_with(text, std::vector{added}, {{"other", second}, {"vault", first}}),
              manifest_with(manifest_with_ground(manifest_with_ground(text, "vault", first), "other", second),
                            added));
    EXPECT_EQ(test::message_of([&] {
                  static_cast<void>(manifest_with(text, std::vector<Volume>{}, {{"nobody", first}}));
              }),
              "the manifest has no volume \"nobody\"");
}

TEST(ManifestEditTest, ABadGroundIsRefused) {
    for (const char* const ground :
         {R"({})", R"({"uuid":"x"})", R"({"uuid":"0B5C1A5E-0000-4000-8000-000000000001"})",
          R"({"uuid":"unknown","inode":0})", R"({"uuid":"unknown","device":"8:1"})",
          R"({"uuid":"unknown","generation":-1})", R"("unknown")"}) {
        std::string text{minimal_text};
        text.replace(text.find("\"key_bytes\": 32"), 15,
                     std::string{"\"key_bytes\": 32, \"ground\": "} + ground);
        EXPECT_EQ(read_manifest(text).problems.size(), 1U) << ground;
    }
}

} // namespace sealmount
