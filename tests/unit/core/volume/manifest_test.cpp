// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/volume/manifest.hpp"

#include "base/strict_json.hpp"
#include "unit/vectors.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace sealmount {

namespace {

/// A good volume, with members put in, replaced or (null) taken out.
Json volume_json(const Json& changes = Json::object()) {
    Json json = parse_json(R"({"name":"vault","lower":"/srv/.vault","mountpoint":"/srv/vault",
        "signature":"7f475b5d20a645dc","key_bytes":32})");
    for (const auto& [member, value] : changes.items()) {
        if (value.is_null()) {
            json.erase(member);
        } else {
            json[member] = value;
        }
    }
    return json;
}

std::string manifest_text(const std::vector<Json>& volumes) {
    Json json = Json::object();
    json["version"] = 1;
    json["volumes"] = volumes;
    return json.dump();
}

} // namespace

TEST(ManifestTest, DefaultsAreThoseOfTheManual) {
    const Manifest manifest = read_manifest(manifest_text({volume_json()}));
    ASSERT_TRUE(manifest.problems.empty());
    Volume expected;
    expected.name = "vault";
    expected.lower = "/srv/.vault";
    expected.mountpoint = "/srv/vault";
    expected.signature = "7f475b5d20a645dc";
    expected.key_bytes = expected.filename_key_bytes = 32;
    EXPECT_EQ(manifest.volumes, std::vector{expected});
    EXPECT_TRUE(expected.nofail);
    EXPECT_EQ(expected.cipher, "aes");
    EXPECT_EQ(expected.master, "default");
    EXPECT_EQ(expected.timeout, std::chrono::seconds{90});
}

TEST(ManifestTest, FilenameCipherFollowsTheContents) {
    const Manifest manifest = read_manifest(manifest_text({volume_json(
        parse_json(R"({"cipher":"twofish","key_bytes":24,"filename_signature":"c61563a65ef80ad1"})"))}));
    ASSERT_TRUE(manifest.problems.empty());
    EXPECT_EQ(manifest.volumes.at(0).filename_cipher, "twofish");
    EXPECT_EQ(manifest.volumes.at(0).filename_key_bytes, 24U);
}

TEST(ManifestTest, ExampleIsGood) {
    const Manifest manifest =
        read_manifest(test::read_file(std::string{SEALMOUNT_CONFIG} + "/manifest.example.json"));
    EXPECT_TRUE(manifest.problems.empty());
    ASSERT_EQ(manifest.volumes.size(), 2U);
    EXPECT_EQ(manifest.volumes[0].signatures(),
              (std::vector<std::string>{"7f475b5d20a645dc", "c61563a65ef80ad1"}));
    EXPECT_EQ(manifest.find("backup"), &manifest.volumes[1]);
    EXPECT_EQ(manifest.find("none"), nullptr);
}

TEST(ManifestTest, OneSignatureForBothIsOneSignature) {
    Volume volume;
    volume.signature = "7f475b5d20a645dc";
    volume.filename_signature = volume.signature;
    EXPECT_EQ(volume.signatures().size(), 1U);
}

TEST(ManifestTest, BadVolumeCostsOnlyItself) {
    const Manifest manifest = read_manifest(
        manifest_text({volume_json(parse_json(R"({"key_bytes":17})")), volume_json(), Json("text"),
                       volume_json(parse_json(R"({"name":"other","mountpoint":"/x"})"))}));
    ASSERT_EQ(manifest.volumes.size(), 2U);
    EXPECT_EQ(manifest.volumes[0].name, "vault");
    EXPECT_EQ(manifest.volumes[1].name, "other");
    ASSERT_EQ(manifest.problems.size(), 2U);
    EXPECT_STREQ(manifest.problems[0].what(),
                 "volumes[0].key_bytes: 17 is not a key size of aes: write 16, 24 or 32");
    EXPECT_STREQ(manifest.problems[1].what(), "volumes[2]: must be an object");
}

TEST(ManifestTest, FirstOfTwoKeepsNameAndMountPoint) {
    const Manifest manifest =
        read_manifest(manifest_text({volume_json(), volume_json(parse_json(R"({"mountpoint":"/x"})")),
                                     volume_json(parse_json(R"({"name":"second"})"))}));
    EXPECT_EQ(manifest.volumes.size(), 1U);
    ASSERT_EQ(manifest.problems.size(), 2U);
    EXPECT_STREQ(manifest.problems[0].what(),
                 R"(volumes[1].name: "vault" is already the name of another volume: choose another name)");
    EXPECT_STREQ(manifest.problems[1].what(),
                 R"(volumes[2].mountpoint: "/srv/vault" is already the mount point of volume )"
                 R"("vault": choose another directory)");
}

TEST(ManifestTest, MountPointMayBeTheLowerDirectory) {
    EXPECT_TRUE(read_manifest(manifest_text({volume_json(parse_json(R"({"lower":"/srv/vault"})"))}))
                    .problems.empty());
    EXPECT_TRUE(read_manifest(manifest_text({volume_json(parse_json(R"({"lower":"/srv/vault2"})"))}))
                    .problems.empty());
}

TEST(ManifestTest, SchemaMayBeNamed) {
    EXPECT_TRUE(read_manifest(R"({"$schema":"x","version":1,"volumes":[]})").problems.empty());
}

struct DocumentCase {
    const char* name;
    const char* text;
    const char* message;
};

class ManifestDocumentTest : public testing::TestWithParam<DocumentCase> {};

TEST_P(ManifestDocumentTest, IsRefusedAsAWhole) {
    const Error error = test::error_of([] { static_cast<void>(read_manifest(GetParam().text)); });
    EXPECT_EQ(error.reason(), Reason::config);
    EXPECT_STREQ(error.what(), GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    Table, ManifestDocumentTest,
    testing::Values(
        DocumentCase{"array", "[]", "the document: must be an object"},
        DocumentCase{"no_version", R"({"volumes":[]})", "version: is missing"},
        DocumentCase{"version", R"({"version":2,"volumes":[]})",
                     "version: 2 is not known to this sealmount: write 1"},
        DocumentCase{"no_volumes", R"({"version":1})", "volumes: is missing"},
        DocumentCase{"volumes", R"({"version":1,"volumes":{}})", "volumes: must be an array"},
        DocumentCase{"schema", R"({"$schema":1,"version":1,"volumes":[]})", "$schema: must be a string"},
        DocumentCase{"unknown", R"({"version":1,"volumes":[],"volume":1})", "volume: is not a known member"}),
    [](const auto& entry) { return entry.param.name; });

struct VolumeCase {
    const char* name;
    const char* changes;
    std::string message; ///< behind "volumes[0]."
};

class ManifestVolumeTest : public testing::TestWithParam<VolumeCase> {};

TEST_P(ManifestVolumeTest, IsRefusedWithItsMend) {
    const Manifest manifest = read_manifest(manifest_text({volume_json(parse_json(GetParam().changes))}));
    EXPECT_TRUE(manifest.volumes.empty());
    ASSERT_EQ(manifest.problems.size(), 1U);
    EXPECT_EQ(manifest.problems[0].reason(), Reason::config);
    EXPECT_EQ(manifest.problems[0].what(), "volumes[0]." + GetParam().message);
}

const std::string alone =
    "means something only with \"filename_signature\": add that member, or remove this one";
const std::string name_rule =
    R"( is not a name: write 1 to 64 of a-z, 0-9, ".", "_" and "-", beginning with a letter or digit)";
const std::string component_rule = R"( contains an empty, "." or ".." component: write the path without it)";
const std::string end_rule =
    " ends with a backslash or white space, which systemd unit files cannot express: rename the directory";
const std::string option_rule =
    " contains a comma, white space, a quote, a backslash or a control character: write each "
    "option as a string of its own";
const std::string own = " belongs to sealmount: ";

INSTANTIATE_TEST_SUITE_P(
    Members, ManifestVolumeTest,
    testing::Values(
        VolumeCase{"unknown", R"({"nofial":true})", "nofial: is not a known member"},
        VolumeCase{"no_name", R"({"name":null})", "name: is missing"},
        VolumeCase{"no_lower", R"({"lower":null})", "lower: is missing"},
        VolumeCase{"no_mountpoint", R"({"mountpoint":null})", "mountpoint: is missing"},
        VolumeCase{"no_signature", R"({"signature":null})", "signature: is missing"},
        VolumeCase{"no_key_bytes", R"({"key_bytes":null})", "key_bytes: is missing"},
        VolumeCase{"name_type", R"({"name":1})", "name: must be a string"},
        VolumeCase{"key_bytes_type", R"({"key_bytes":"32"})", "key_bytes: must be a whole number"},
        VolumeCase{"nofail_type", R"({"nofail":"yes"})", "nofail: must be true or false"},
        VolumeCase{"noauto_type", R"({"noauto":1})", "noauto: must be true or false"},
        VolumeCase{"salt_upper_case", R"({"salt":"00112233445566AA"})",
                   "salt: \"00112233445566AA\" is not a salt: write 16 hex digits, 0-9 and a-f"},
        VolumeCase{"salt_short", R"({"salt":"0011"})",
                   "salt: \"0011\" is not a salt: write 16 hex digits, 0-9 and a-f"},
        VolumeCase{"headless_type", R"({"headless":[]})", "headless: must be true or false"},
        VolumeCase{"options_type", R"({"options":"ro"})", "options: must be an array"},
        VolumeCase{"name_upper", R"({"name":"Vault"})", R"(name: "Vault")" + name_rule},
        VolumeCase{"name_empty", R"({"name":""})", R"(name: "")" + name_rule},
        VolumeCase{"name_dot", R"({"name":".a"})", R"(name: ".a")" + name_rule},
        VolumeCase{"name_slash", R"({"name":"a/b"})", R"(name: "a/b")" + name_rule},
        VolumeCase{"name_newline", R"({"name":"a\n"})", R"(name: "a\n")" + name_rule},
        VolumeCase{"name_percent", R"({"name":"a%n"})", R"(name: "a%n")" + name_rule},
        VolumeCase{"master", R"({"master":"../x"})", R"(master: "../x")" + name_rule},
        VolumeCase{"signature_upper", R"({"signature":"7F475B5D20A645DC"})",
                   R"(signature: "7F475B5D20A645DC" is not a signature: write the 16 lower-case hex digits)"},
        VolumeCase{"filename_signature", R"({"filename_signature":"12"})",
                   R"(filename_signature: "12" is not a signature: write the 16 lower-case hex digits)"},
        VolumeCase{
            "cipher", R"({"cipher":"rot13"})",
            R"(cipher: "rot13" is not an eCryptfs cipher: write aes, blowfish, des3_ede, twofish, cast6 or cast5)"},
        VolumeCase{"key_bytes_zero", R"({"cipher":"cast5","key_bytes":0})",
                   "key_bytes: 0 is not a key size of cast5: write 16"},
        VolumeCase{"key_bytes_negative", R"({"key_bytes":-16})",
                   "key_bytes: -16 is not a key size of aes: write 16, 24 or 32"},
        VolumeCase{"key_bytes_wraps", R"({"key_bytes":4294967312})",
                   "key_bytes: 4294967312 is not a key size of aes: write 16, 24 or 32"},
        VolumeCase{"filename_cipher_alone", R"({"filename_cipher":"aes"})", "filename_cipher: " + alone},
        VolumeCase{"filename_key_bytes_alone", R"({"filename_key_bytes":32})",
                   "filename_key_bytes: " + alone},
        VolumeCase{
            "filename_cipher", R"({"filename_signature":"c61563a65ef80ad1","filename_cipher":"x"})",
            R"(filename_cipher: "x" is not an eCryptfs cipher: write aes, blowfish, des3_ede, twofish, cast6 or cast5)"},
        VolumeCase{"filename_key_bytes",
                   R"({"filename_signature":"c61563a65ef80ad1","filename_cipher":"cast5"})",
                   "filename_key_bytes: 32 is not a key size of cast5: write 16"},
        VolumeCase{"timeout_zero", R"({"timeout_seconds":0})",
                   "timeout_seconds: 0 is out of range: write 1 to 86400"},
        VolumeCase{"timeout_long", R"({"timeout_seconds":86401})",
                   "timeout_seconds: 86401 is out of range: write 1 to 86400"}),
    [](const auto& entry) { return entry.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Paths, ManifestVolumeTest,
    testing::Values(
        VolumeCase{"relative", R"({"mountpoint":"srv/vault"})",
                   R"(mountpoint: "srv/vault" is not absolute: write the whole path, beginning with /)"},
        VolumeCase{"empty", R"({"lower":""})",
                   R"(lower: "" is not absolute: write the whole path, beginning with /)"},
        VolumeCase{"root", R"({"mountpoint":"/"})",
                   R"(mountpoint: "/" is the root directory: name a directory below it)"},
        VolumeCase{"trailing_slash", R"({"lower":"/a/"})", R"(lower: "/a/" ends with a slash: remove that)"},
        VolumeCase{"empty_component", R"({"lower":"/a//b"})", R"(lower: "/a//b")" + component_rule},
        VolumeCase{"dot", R"({"lower":"/a/./b"})", R"(lower: "/a/./b")" + component_rule},
        VolumeCase{"dot_dot", R"({"lower":"/a/.."})", R"(lower: "/a/..")" + component_rule},
        VolumeCase{
            "newline", R"({"lower":"/a\nExecStart=/x"})",
            R"(lower: "/a\nExecStart=/x" contains control characters or is not UTF-8: rename the directory)"},
        VolumeCase{"nul", R"({"lower":"/a\u0000"})",
                   R"(lower: "/a\u0000" contains control characters or is not UTF-8: rename the directory)"},
        VolumeCase{"backslash_end", R"({"lower":"/a\\"})", R"(lower: "/a\\")" + end_rule},
        VolumeCase{"space_end", R"({"mountpoint":"/a "})", R"(mountpoint: "/a ")" + end_rule},
        VolumeCase{
            "lower_below_mount_point", R"({"lower":"/srv/vault/.lower"})",
            R"(lower: "/srv/vault/.lower" is below the mount point, which would hide it: move it elsewhere)"}),
    [](const auto& entry) { return entry.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Options, ManifestVolumeTest,
    testing::Values(
        VolumeCase{"second", R"({"options":["ro",1]})", "options[1]: must be a string"},
        VolumeCase{"empty", R"({"options":["ro",""]})", R"(options[1]: "" is empty: remove it)"},
        VolumeCase{"comma", R"({"options":["ro,suid"]})", R"(options[0]: "ro,suid")" + option_rule},
        VolumeCase{"newline", R"({"options":["ro\nx"]})", R"(options[0]: "ro\nx")" + option_rule},
        VolumeCase{"space", R"({"options":["r o"]})", R"(options[0]: "r o")" + option_rule},
        VolumeCase{"quote", R"({"options":["'ro"]})", R"(options[0]: "'ro")" + option_rule},
        VolumeCase{"backslash", R"({"options":["r\\o"]})", R"(options[0]: "r\\o")" + option_rule},
        VolumeCase{"sig", R"({"options":["sig=1"]})",
                   R"(options[0]: "sig=1")" + own + R"(use the member "signature")"},
        VolumeCase{"ecryptfs_sig", R"({"options":["ecryptfs_sig=1"]})",
                   R"(options[0]: "ecryptfs_sig=1")" + own + R"(use the member "signature")"},
        VolumeCase{"fnek", R"({"options":["ecryptfs_fnek_sig=1"]})",
                   R"(options[0]: "ecryptfs_fnek_sig=1")" + own + R"(use the member "filename_signature")"},
        VolumeCase{"cipher", R"({"options":["ecryptfs_cipher=aes"]})",
                   R"(options[0]: "ecryptfs_cipher=aes")" + own + R"(use the member "cipher")"},
        VolumeCase{"key_bytes", R"({"options":["ecryptfs_key_bytes=16"]})",
                   R"(options[0]: "ecryptfs_key_bytes=16")" + own + R"(use the member "key_bytes")"},
        VolumeCase{"key", R"({"options":["key=passphrase"]})",
                   R"(options[0]: "key=passphrase")" + own + "remove it, the keys come from the TPM"},
        VolumeCase{"nofail", R"({"options":["nofail"]})",
                   R"(options[0]: "nofail")" + own + R"(use the member "nofail")"},
        VolumeCase{"auto", R"({"options":["auto"]})",
                   R"(options[0]: "auto")" + own + R"(use the member "noauto")"},
        VolumeCase{"systemd", R"({"options":["x-systemd.requires=a"]})",
                   R"(options[0]: "x-systemd.requires=a")" + own + "put it into a drop-in of the mount unit"},
        VolumeCase{"netdev", R"({"options":["_netdev"]})",
                   R"(options[0]: "_netdev")" + own + "put the dependency into a drop-in of the mount unit"},
        VolumeCase{"unlink_sigs", R"({"options":["ecryptfs_unlink_sigs"]})",
                   R"(options[0]: "ecryptfs_unlink_sigs")" + own +
                       "of the eCryptfs options only ecryptfs_xattr_metadata and ecryptfs_passthrough are "
                       "allowed here"}),
    [](const auto& entry) { return entry.param.name; });

} // namespace sealmount
