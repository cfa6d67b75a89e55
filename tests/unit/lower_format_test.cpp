// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/lower_format.hpp"

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
            EXPECT_FALSE(facts->signatures.empty());
            EXPECT_GE(facts->cipher.key_bytes, 16U);
            EXPECT_LE(facts->cipher.key_bytes, 56U);
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
        const bool tells = vector.at("code_tells_key_bytes").get<bool>();
        EXPECT_EQ(facts->cipher.key_bytes, tells ? vector.at("key_bytes").get<unsigned>() : 0U);
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
