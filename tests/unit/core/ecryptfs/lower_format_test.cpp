// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/ecryptfs/lower_format.hpp"

#include "base/strict_json.hpp"
#include "unit/vectors.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <random>

namespace sealmount {

using test::text_of;
using test::unhex;

namespace {

const std::string prefix = "ECRYPTFS_FNEK_ENCRYPTED.";

/// A good head with one byte changed.
bool is_read_with(const std::size_t offset, const unsigned value) {
    Bytes head = unhex(text_of(test::vectors("lower.json", "heads").at(0), "hex"));
    head.at(offset) = static_cast<std::byte>(value);
    return read_lower_header(head).has_value();
}

} // namespace

TEST(LowerHeaderTest, VectorsAreRead) {
    for (const Json& vector : test::vectors("lower.json", "heads")) {
        Bytes head = unhex(text_of(vector, "hex"));
        const std::size_t bare = head.size();
        for (const std::size_t size : {bare, lower_header_size}) {
            head.resize(size);
            const auto facts = read_lower_header(head);
            ASSERT_TRUE(facts) << vector;
            EXPECT_EQ(facts->cipher.cipher, text_of(vector, "cipher"));
            EXPECT_EQ(facts->cipher.key_bytes, vector.at("key_bytes").get<unsigned>());
            EXPECT_EQ(facts->signatures, vector.at("signatures").get<std::vector<std::string>>());
            EXPECT_EQ(facts->version, vector.at("version").get<unsigned>());
            EXPECT_EQ(facts->plain_size, 4711U);
            EXPECT_EQ(facts->header_size, 8192U);
            EXPECT_TRUE(facts->public_keys.empty());
        }
    }
}

TEST(LowerHeaderTest, CutOffHeadIsNothing) {
    for (const Json& vector : test::vectors("lower.json", "heads")) {
        const Bytes head = unhex(text_of(vector, "hex"));
        for (std::size_t size = 0; size < head.size(); ++size) {
            const auto facts = read_lower_header(BytesView{head}.first(size));
            // Cut between two keys, what is left is a header of one key.
            EXPECT_TRUE(!facts || facts->signatures.size() < vector.at("signatures").size()) << size;
        }
    }
}

TEST(LowerHeaderTest, EachFieldIsChecked) {
    EXPECT_TRUE(is_read_with(0, 0x7f)) << "the size says nothing";
    EXPECT_FALSE(is_read_with(8, 0)) << "marker";
    EXPECT_FALSE(is_read_with(15, 0)) << "marker";
    EXPECT_FALSE(is_read_with(16, 4)) << "version";
    EXPECT_FALSE(is_read_with(26, 0xed)) << "tag 3";
    EXPECT_FALSE(is_read_with(27, 0xff)) << "length";
    EXPECT_FALSE(is_read_with(27, 12)) << "length";
    EXPECT_FALSE(is_read_with(28, 3)) << "packet version";
    EXPECT_FALSE(is_read_with(29, 1)) << "cipher";
    EXPECT_FALSE(is_read_with(30, 0)) << "S2K";
    EXPECT_FALSE(is_read_with(31, 2)) << "hash";
    const std::size_t tag_11 = 28 + 4 + 8 + 1 + 16;
    EXPECT_FALSE(is_read_with(tag_11, 0x8c)) << "tag 11";
    EXPECT_FALSE(is_read_with(tag_11 + 1, 21)) << "length";
    EXPECT_FALSE(is_read_with(tag_11 + 2, 0x63)) << "format";
    EXPECT_FALSE(is_read_with(tag_11 + 3, 9)) << "name length";
    EXPECT_TRUE(is_read_with(tag_11 + 4, 'x')) << "the kernel does not look at the name either";
}

TEST(LowerHeaderTest, MarkerTellsADamagedFileFromAForeignOne) {
    Bytes head = unhex(text_of(test::vectors("lower.json", "heads").at(0), "hex"));
    head.at(16) = std::byte{9};
    EXPECT_FALSE(read_lower_header(head));
    EXPECT_TRUE(has_lower_marker(head));
    head.at(15) ^= std::byte{1};
    EXPECT_FALSE(has_lower_marker(head));
    EXPECT_FALSE(has_lower_marker(BytesView{head}.first(15)));
}

TEST(LowerHeaderTest, SignatureThatStandsTwiceIsOne) {
    Bytes head = unhex(text_of(test::vectors("lower.json", "heads").at(0), "hex"));
    const Bytes packets{head.begin() + 26, head.end()};
    head.insert(head.end(), packets.begin(), packets.end());
    EXPECT_EQ(read_lower_header(head)->signatures, std::vector<std::string>{"7f475b5d20a645dc"});
}

// keystore.c, write_tag_1_packet: version 3, signature, RSA, the encrypted key.
TEST(LowerHeaderTest, PublicKeysAreRead) {
    Bytes head = unhex(text_of(test::vectors("lower.json", "heads").at(0), "hex"));
    const Bytes tag_1 = unhex("010e03"
                              "0123456789abcdef"
                              "01"
                              "aabbccdd");
    head.insert(head.end(), tag_1.begin(), tag_1.end());
    const auto both = read_lower_header(head);
    ASSERT_TRUE(both);
    EXPECT_EQ(both->public_keys, std::vector<std::string>{"0123456789abcdef"});
    EXPECT_EQ(both->signatures, std::vector<std::string>{"7f475b5d20a645dc"});

    head.erase(head.begin() + 26, head.end() - static_cast<std::ptrdiff_t>(tag_1.size()));
    const auto alone = read_lower_header(head);
    ASSERT_TRUE(alone);
    EXPECT_TRUE(alone->signatures.empty());
    EXPECT_EQ(alone->cipher, CipherFacts{});
    head.at(28) = std::byte{4};
    EXPECT_FALSE(read_lower_header(head)) << "packet version";
}

TEST(LowerHeaderTest, RandomAndFlippedBytesNeverCrash) {
    std::mt19937 random{4711}; // NOLINT(cert-msc51-cpp): the same bytes in each run
    const Json vectors = test::vectors("lower.json", "heads");
    for (unsigned round = 0; round < 20000; ++round) {
        Bytes head = unhex(text_of(vectors.at(round % vectors.size()), "hex"));
        for (unsigned change = 0; change < 1 + round % 3; ++change) {
            // Behind the marker, where the parser has something to be fooled with.
            head.at(16 + random() % (head.size() - 16)) = static_cast<std::byte>(random() & 0xffU);
        }
        head.resize(random() % (head.size() + 1));
        if (const auto facts = read_lower_header(head)) {
            EXPECT_FALSE(facts->signatures.empty() && facts->public_keys.empty());
            EXPECT_EQ(facts->cipher.key_bytes == 0, facts->signatures.empty());
            EXPECT_LE(facts->cipher.key_bytes, 64U);
        }
    }
    for (unsigned round = 0; round < 2000; ++round) {
        Bytes noise(random() % 64);
        for (std::byte& byte : noise) {
            byte = static_cast<std::byte>(random() & 0xffU);
        }
        static_cast<void>(read_lower_header(noise));
    }
}

TEST(LowerNameTest, VectorsAreRead) {
    for (const Json& vector : test::vectors("lower.json", "names")) {
        const auto facts = read_lower_name(text_of(vector, "name"));
        ASSERT_TRUE(facts) << vector;
        EXPECT_EQ(facts->signature, text_of(vector, "signature"));
        EXPECT_EQ(facts->cipher.cipher, text_of(vector, "cipher"));
        const bool gives_key_bytes = vector.at("code_tells_key_bytes").get<bool>();
        EXPECT_EQ(facts->cipher.key_bytes, gives_key_bytes ? vector.at("key_bytes").get<unsigned>() : 0U);
    }
}

TEST(LowerNameTest, OtherNamesAreNothing) {
    for (const std::string& name :
         {std::string{}, std::string{"plain"}, prefix, prefix + "-", prefix + "----",
          prefix + std::string(80, '-'), prefix + std::string(80, 'z'), prefix + std::string(80, '\xff'),
          prefix + "ABC/DEF", "X" + prefix}) {
        EXPECT_FALSE(read_lower_name(name)) << name;
    }
}

TEST(LowerNameTest, CutOffNameIsNothing) {
    // Two characters at the end may hold no more than padding.
    const std::string name = text_of(test::vectors("lower.json", "names").at(0), "name");
    for (std::size_t size = 0; size + 3 < name.size(); ++size) {
        EXPECT_FALSE(read_lower_name(std::string_view{name}.substr(0, size))) << size;
    }
}

TEST(LowerNameTest, RandomNamesNeverCrash) {
    std::mt19937 random{4711}; // NOLINT(cert-msc51-cpp): the same names in each run
    const std::string good = text_of(test::vectors("lower.json", "names").at(0), "name");
    for (unsigned round = 0; round < 20000; ++round) {
        std::string name = good.substr(0, prefix.size() + random() % (good.size() - prefix.size()));
        if (name.size() > prefix.size()) {
            name[prefix.size() + random() % (name.size() - prefix.size())] =
                static_cast<char>(random() & 0xffU);
        }
        static_cast<void>(read_lower_name(name));
    }
}

} // namespace sealmount
