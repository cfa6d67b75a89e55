// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/tpm/public_key.hpp"

#include "sys/tpm/nv_index.hpp"
#include "unit/vectors.hpp"

#include <gtest/gtest.h>

namespace sealmount {

using test::text_of;
using test::unhex;

namespace {

constexpr const char* file = "policy_steps.json";

/// RFC 7468.
std::string pem_of(const Bytes& der) {
    std::string base64 = to_base64(der);
    for (std::size_t at = 64; at < base64.size(); at += 65) {
        base64.insert(at, 1, '\n');
    }
    return "-----BEGIN PUBLIC KEY-----\n" + base64 + "\n-----END PUBLIC KEY-----\n";
}

} // namespace

TEST(PublicKeyTest, NameIsThatOfTheTpm) {
    for (const Json& vector : test::vectors(file, "keys")) {
        EXPECT_EQ(to_hex(key_name(unhex(text_of(vector, "spki")))), text_of(vector, "name"));
    }
}

TEST(PublicKeyTest, PemIsRead) {
    for (const Json& vector : test::vectors(file, "keys")) {
        const Bytes der = unhex(text_of(vector, "spki"));
        EXPECT_EQ(public_key_from_pem(pem_of(der)), der);
    }
}

TEST(PublicKeyTest, TextWithoutAKeyIsRefused) {
    for (const char* const text :
         {"", "hello", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"}) {
        EXPECT_EQ(test::message_of([&] { static_cast<void>(public_key_from_pem(text)); }),
                  "does not hold a public key in PEM form (\"BEGIN PUBLIC KEY\")");
    }
}

TEST(PublicKeyTest, DamagedDerIsRefused) {
    Bytes der = unhex(text_of(test::vectors(file, "keys").front(), "spki"));
    der.push_back(std::byte{0});
    EXPECT_EQ(test::message_of([&] { check_policy_key(der); }),
              "the public key is not a SubjectPublicKeyInfo in DER");
    der.resize(40);
    EXPECT_EQ(test::reason_of([&] { check_policy_key(der); }), Reason::config);
}

TEST(NvIndexTest, NameIsThatOfTheWrittenIndex) {
    for (const Json& vector : test::vectors(file, "nv")) {
        Bytes area = unhex(text_of(vector, "public"));
        const NvIndex expected{.index = vector.at("index").get<std::uint32_t>(),
                               .written_name = unhex(text_of(vector, "name"))};
        EXPECT_EQ(nv_index_from(area), expected);
        area[8] &= ~std::byte{0x20}; // TPMA_NV_WRITTEN, as before the first write
        EXPECT_EQ(nv_index_from(area), expected);
    }
}

TEST(NvIndexTest, OtherBytesAreNone) {
    Bytes area = unhex(text_of(test::vectors(file, "nv").front(), "public"));
    area.push_back(std::byte{0});
    EXPECT_FALSE(nv_index_from(area));
    area.resize(9);
    EXPECT_FALSE(nv_index_from(area));
    EXPECT_FALSE(nv_index_from({}));
}

} // namespace sealmount
