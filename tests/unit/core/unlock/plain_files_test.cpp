// What the small unlock reads, the store's readers read as well, and alike: the same files go to both, good
// ones and good ones with every small change.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/ecryptfs/encrypted_key.hpp"
#include "core/master/master_file.hpp"
#include "core/master/store_proof.hpp"
#include "core/master/tpm_key.hpp"
#include "core/unlock/plain_json.hpp"
#include "core/unlock/plain_master.hpp"
#include "core/unlock/plain_proof.hpp"
#include "core/volume/manifest.hpp"
#include "core/volume/manifest_rules.hpp"
#include "core/volume/plain_volume.hpp"
#include "unit/vectors.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace sealmount {

namespace {

std::string good_manifest() {
    return R"({"version": 1, "volumes": [
  {"name": "vault", "lower": "/srv/.vault", "mountpoint": "/srv/vault", "signature": "7f475b5d20a645dc",
   "filename_signature": "c61563a65ef80ad1", "cipher": "aes", "key_bytes": 32, "filename_cipher": "twofish",
   "filename_key_bytes": 16, "salt": "0011223344556677", "master": "own", "form": "trusted",
   "options": ["nosuid", "nodev"], "nofail": false, "noauto": true, "headless": true, "no_passphrase": false,
   "keep_keys": true, "rebind_after_recovery": false, "timeout_seconds": 86400,
   "required_by": ["smbd.service"], "before": [], "requires": ["a-b.mount", "c.target"], "automount": true,
   "idle_timeout_seconds": 600, "ground": {"uuid": "0b1c2d3e-0b1c-2d3e-4f50-0b1c2d3e4f50", "inode": 12,
   "generation": 4294967295, "empty": false}},
  {"name": "v2", "lower": "/a", "mountpoint": "/Gr\u00fc\u00dfe", "signature": "0123456789abcdef", "key_bytes": 16,
   "form": "auto", "options": []}]}
)";
}

MasterFile good_master() {
    const Json vector = test::vectors("vectors.json", "trusted_key").at(0);
    MasterFile master;
    master.srk_name = test::unhex("000b" + std::string(64, 'c'));
    for (const unsigned id : {1U, 3U}) {
        Slot slot;
        slot.id = id;
        slot.policy.pcrs = {{.bank = PcrBank::sha256,
                             .values = {{7, test::unhex(std::string(64, id == 1 ? 'a' : 'b'))},
                                        {11, test::unhex(std::string(64, 'd'))}}}};
        slot.sealed = read_tpm_key(test::unhex(test::text_of(vector, "hex")));
        slot.created = "2026-11-23T20:49:05Z";
        slot.note = id == 1 ? "" : "enrollment";
        slot.events[PcrBank::sha256][7] = {"0123456789abcdef", "fedcba9876543210"};
        master.slots.push_back(std::move(slot));
    }
    master.recovery = {{.id = 2,
                        .salt = std::vector(recovery_salt_size, std::byte{1}),
                        .nonce = std::vector(recovery_nonce_size, std::byte{2}),
                        .wrapped = std::vector(wrapped_master_size, std::byte{3}),
                        .created = "2026-11-25T09:00:00Z",
                        .note = "enrollment",
                        .proof = std::vector(32, std::byte{4})}};
    master.may_rebind = true;
    const SecretBytes fekek = random_secret(fekek_size);
    const SecretBytes key = random_secret(master_key_size);
    const std::string signature = signature_of(fekek);
    return proved(
        "default", std::move(master), key,
        {{signature, compose_encrypted_key("trusted:default", key, fekek, bound_vector(signature))}});
}

MasterFile sealed_again(MasterFile master) {
    return proved("default", std::move(master), random_secret(master_key_size), {});
}

/// If the small reader takes the text, the strict one does, without a problem, and has the same. That one
/// reads it as a whole, for an escape behind all else (tests/unit/core/volume/plain_volume_test.cpp).
void expect_no_more_than_the_store_manifest(const std::string& text) {
    const auto plain = volumes_of_plain_manifest(text);
    if (!plain) {
        return;
    }
    const std::string escaped = text.substr(0, text.rfind('}')) + R"(,"$schema":"\u0061"})";
    ASSERT_FALSE(volumes_of_plain_document(escaped)) << text;
    Manifest manifest;
    ASSERT_NO_THROW(manifest = read_manifest(escaped)) << text;
    ASSERT_TRUE(manifest.problems.empty()) << manifest.problems.front().what() << "\n" << text;
    EXPECT_EQ(manifest.volumes, *plain) << text;
}

void expect_no_more_than_the_store_master(const std::string& text) {
    const auto plain = read_plain_master(text);
    if (!plain) {
        return;
    }
    MasterFile master;
    ASSERT_NO_THROW(master = read_master_file(text)) << text;
    EXPECT_EQ(to_hex(master.srk_name), plain->srk_name);
    ASSERT_EQ(master.slots.size(), plain->slots.size()) << text;
    for (std::size_t i = 0; i < plain->slots.size(); ++i) {
        const PlainSlot& found = plain->slots[i];
        const Slot& expected = master.slots[i];
        EXPECT_EQ(found.id, expected.id);
        ASSERT_EQ(expected.policy.pcrs.size(), 1U);
        Policy policy;
        policy.pcrs = expected.policy.pcrs;
        EXPECT_EQ(expected.policy, policy) << "nothing but literal values";
        EXPECT_EQ(found.selection, policy.pcrs.front().selection());
        for (const auto& [pcr, value] : policy.pcrs.front().values) {
            EXPECT_EQ(found.expected[pcr], to_hex(value));
        }
        EXPECT_EQ(found.sealed, write_tpm_key(expected.sealed)) << "what the kernel is given";
    }
}

/// Each byte left out, doubled, and replaced by ones that mean something in JSON or in our rules.
void change_everywhere(const std::string& text, void (*const look)(const std::string&)) {
    using namespace std::string_view_literals;
    look(text);
    for (std::size_t at = 0; at < text.size(); ++at) {
        std::string changed = text;
        changed.erase(at, 1);
        look(changed);
        changed = text;
        changed.insert(at, 1, text[at]);
        look(changed);
        for (const char c :
             "\0\n\t \"\\{}[],:/.+-=0123456789aefgnstuAEZ~\x7f\x80\xbf\xc3\xe2\xed\xef\xf0"sv) {
            changed = text;
            changed[at] = c;
            look(changed);
        }
    }
}

/// Values of members, as JSON, that are at an edge.
constexpr std::array odd_values = {"1",
                                   "0",
                                   "-1",
                                   "1.0",
                                   "1e0",
                                   "01",
                                   "1000000000",
                                   "99999999999999999999",
                                   "true",
                                   "null",
                                   "\"\"",
                                   "[]",
                                   "{}",
                                   "\"/\"",
                                   "\"/a/\"",
                                   "\"/a//b\"",
                                   "\"/a/.\"",
                                   "\"/..\"",
                                   "\"/a \"",
                                   "\"a\"",
                                   "\"trusted\"",
                                   "\"auto\"",
                                   "\"user\"",
                                   "\"aes\"",
                                   "\"cast5\"",
                                   "24",
                                   "16",
                                   "86401",
                                   "[\"ro\"]",
                                   "[\"auto\"]",
                                   "[\"sig=1\"]",
                                   "[\"nofail\"]",
                                   "[\"a@.service\"]",
                                   "[\".service\"]",
                                   "[\"a\"]",
                                   "[\"a b.service\"]",
                                   "[\"a.service\"]",
                                   "false",
                                   "[\"ro\",1]",
                                   "[[]]",
                                   "\"/srv/vault/x\"",
                                   "\"/\xef\xbf\xbe\"",
                                   "\"/\xef\xb7\x90\"",
                                   "\"/\xc3\xbc\""};

} // namespace

TEST(PlainFilesTest, AGoodManifestIsUnderstood) {
    std::string text = good_manifest();
    EXPECT_FALSE(volumes_of_plain_manifest(text)) << "it has escapes";
    text.replace(text.find("Gr\\u00fc\\u00dfe"), 15, "Grüße");
    ASSERT_TRUE(volumes_of_plain_manifest(text));
    EXPECT_EQ(volumes_of_plain_manifest(text)->size(), 2U);
    EXPECT_TRUE((*volumes_of_plain_manifest(text))[0].ground);
    const std::string example = test::read_file(std::string{SEALMOUNT_CONFIG} + "/manifest.example.json");
    EXPECT_TRUE(volumes_of_plain_manifest(example));
    const std::string written = manifest_with("", read_manifest(text).volumes[0]);
    EXPECT_TRUE(volumes_of_plain_manifest(written)) << "what enrollments write: " << written;
}

TEST(PlainFilesTest, VolumesThatShareANameOrAMountPointAreNotPlain) {
    const auto manifest = [](const std::string& name, const std::string& mountpoint) {
        const auto volume = [](const std::string& its_name, const std::string& its_mountpoint) {
            return R"({"name":")" + its_name + R"(","lower":"/a","mountpoint":")" + its_mountpoint +
                   R"(","signature":"0123456789abcdef","key_bytes":16})";
        };
        return R"({"version":1,"volumes":[)" + volume("v", "/b") + "," + volume(name, mountpoint) + "]}";
    };
    EXPECT_TRUE(volumes_of_plain_manifest(manifest("w", "/c")));
    EXPECT_FALSE(volumes_of_plain_manifest(manifest("v", "/c")));
    EXPECT_FALSE(volumes_of_plain_manifest(manifest("w", "/b")));
    EXPECT_FALSE(volumes_of_plain_manifest(manifest("w", "c"))) << "nor is one beside a wrong one";
}

TEST(PlainFilesTest, NoManifestIsUnderstoodThatTheStoreRefuses) {
    std::string text = good_manifest();
    text.replace(text.find("Gr\\u00fc\\u00dfe"), 15, "Grüße");
    change_everywhere(text, &expect_no_more_than_the_store_manifest);
}

TEST(PlainFilesTest, NoOddMemberIsUnderstoodThatTheStoreRefuses) {
    const Json good = parse_json(good_manifest());
    for (const auto& [member, ignored] : good["volumes"][0].items()) {
        for (const char* const value : odd_values) {
            Json volume = good["volumes"][1];
            volume.erase(member);
            std::string text = volume.dump();
            text.insert(text.size() - 1, ",\"" + member + "\":" + value);
            expect_no_more_than_the_store_manifest("{\"version\":1,\"volumes\":[" + text + "]}");
            expect_no_more_than_the_store_manifest("{\"version\":1,\"volumes\":[" + text + "," + text + "]}");
        }
    }
}

TEST(PlainFilesTest, NamesAreThoseOfTheRules) {
    for (const char* const name : {"", "a", "0", ".a", "-a", "a.b_c-d", "A", "a b", "ü", "a/b"}) {
        EXPECT_EQ(is_plain_name(name), !problem_with_name(name)) << name;
    }
    EXPECT_TRUE(is_plain_name(std::string(64, 'x')));
    EXPECT_FALSE(is_plain_name(std::string(65, 'x')));
}

TEST(PlainFilesTest, AGoodMasterFileIsUnderstood) {
    const std::string text = write_master_file(good_master());
    const auto file = read_plain_master(text);
    ASSERT_TRUE(file) << text;
    EXPECT_EQ(file->slots.size(), 2U);
    EXPECT_EQ(file->needs(), (PcrSelection{.bank = PcrBank::sha256, .mask = 1U << 7U | 1U << 11U}));
    MasterFile without = good_master();
    without.slots.clear();
    without = sealed_again(std::move(without));
    const std::string text_without = write_master_file(without);
    const auto empty = read_plain_master(text_without);
    ASSERT_TRUE(empty);
    EXPECT_EQ(empty->needs().mask, 0U);
}

TEST(PlainFilesTest, ASealNamesTheTextBeforeItAndNoOther) {
    const std::string text = write_master_file(good_master());
    const auto file = read_plain_master(text);
    ASSERT_TRUE(file);
    EXPECT_TRUE(is_plainly_sealed(*file, "default"));
    EXPECT_FALSE(is_plainly_sealed(*file, "other"));
    const std::string begin = "default trusted:default 32 ";
    const std::size_t end_of_vector = text.find(begin) + begin.size() + 32;
    unsigned understood = 0;
    for (std::size_t at = 0; at < end_of_vector; ++at) {
        for (const char c : {'0', '1', 'a', ' '}) {
            std::string changed = text;
            changed[at] = c;
            const auto other = changed == text ? std::nullopt : read_plain_master(changed);
            understood += other ? 1 : 0;
            EXPECT_FALSE(other && is_plainly_sealed(*other, "default")) << changed;
        }
    }
    EXPECT_GT(understood, 100U);
}

TEST(PlainFilesTest, AFileWithoutAProofIsNotPlain) {
    MasterFile old = good_master();
    old.seal.clear();
    EXPECT_FALSE(read_plain_master(write_master_file(old)));
    MasterFile unproven = good_master();
    unproven.slots.front().is_unproven = true;
    EXPECT_FALSE(read_plain_master(write_master_file(unproven)));
}

TEST(PlainFilesTest, AKeyTextIsBoundToItsName) {
    const SecretBytes key = random_secret(master_key_size);
    const SecretBytes fekek = random_secret(fekek_size);
    const std::string text =
        compose_encrypted_key("trusted:default", key, fekek, bound_vector("0123456789abcdef"));
    EXPECT_TRUE(is_plainly_bound(text, "0123456789abcdef"));
    EXPECT_FALSE(is_plainly_bound(text, "0123456789abcdee"));
    EXPECT_FALSE(is_plainly_bound(compose_encrypted_key("trusted:default", key, fekek, random_bytes(16)),
                                  "0123456789abcdef"));
    EXPECT_FALSE(is_plainly_bound("", "0123456789abcdef"));
}

TEST(PlainFilesTest, NoMasterFileIsUnderstoodThatTheStoreRefuses) {
    change_everywhere(write_master_file(good_master()), &expect_no_more_than_the_store_master);
}

TEST(PlainFilesTest, TheFirstSlotThatFitsIsTaken) {
    const std::string text = write_master_file(good_master());
    const auto file = read_plain_master(text);
    ASSERT_TRUE(file);
    RawPcrs present;
    present.set(11, test::unhex(std::string(64, 'd')));
    EXPECT_EQ(fitting_slot(*file, present), nullptr) << "PCR 7 was not read";
    present.set(7, test::unhex(std::string(64, 'b')));
    EXPECT_EQ(fitting_slot(*file, present), &file->slots[1]);
    present.set(7, test::unhex(std::string(64, 'a')));
    EXPECT_EQ(fitting_slot(*file, present), &file->slots[0]);
    present.set(7, test::unhex(std::string(40, 'a')));
    EXPECT_EQ(fitting_slot(*file, present), nullptr);
}

TEST(PlainFilesTest, KeyTextsAreThoseOfTheStore) {
    const std::string blob(226, 'a');
    const std::string good = "ecryptfs trusted:default 64 " + blob;
    EXPECT_TRUE(is_plain_key_text(good));
    EXPECT_TRUE(is_plain_key_text("ecryptfs user:default 64 " + blob));
    EXPECT_FALSE(is_plain_key_text(""));
    for (std::size_t at = 0; at < good.size(); ++at) {
        for (const char c : {'\0', ' ', '\n', 'x', 'A', '0', ':'}) {
            std::string changed = good;
            changed[at] = c;
            if (is_plain_key_text(changed)) {
                EXPECT_NO_THROW(static_cast<void>(master_description_of(changed))) << changed;
            }
        }
        EXPECT_FALSE(is_plain_key_text(good.substr(0, at)));
    }
}

} // namespace sealmount
