// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/master/tpm_key.hpp"

#include "base/strict_json.hpp"
#include "unit/vectors.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace sealmount {

using test::text_of;
using test::unhex;

namespace {

/// A small object by hand, in the kernel's own form, to put mistakes into.
constexpr auto small_oid = "06066781050a0105";
constexpr auto small_rest = "0205008100000104040002aabb04030001cc";

std::string sequence(const std::string& content) {
    return "30" + to_hex(Bytes{static_cast<std::byte>(content.size() / 2)}) + content;
}

SealedObject read_hex(const std::string& hex) {
    return read_tpm_key(unhex(hex));
}

std::string refusal(const std::string& hex) {
    const Error error = test::error_of([&] { static_cast<void>(read_hex(hex)); });
    EXPECT_EQ(error.reason(), Reason::bad_data);
    return error.what();
}

} // namespace

class TpmKeyTest : public testing::Test {
  protected:
    const Json vector_ = test::vectors("vectors.json", "trusted_key").at(0);
    const Bytes der_ = unhex(text_of(vector_, "hex"));
};

TEST_F(TpmKeyTest, ReadsWhatTheKernelWrote) {
    const SealedObject object = read_tpm_key(der_);
    EXPECT_EQ(object.parent, 0x81000001U);
    EXPECT_EQ(object.public_area.size(), 0x50U);
    EXPECT_EQ(object.private_area.size(), 0xa0U);
    EXPECT_NE(to_hex(object.public_area).find(text_of(vector_, "policy_digest_hex")), std::string::npos);
}

TEST_F(TpmKeyTest, WritesWhatTheKernelWroteSaveForTrue) {
    Bytes expected = der_;
    expected.at(16) = std::byte{0xff}; // TRUE of DER; the kernel writes 01
    EXPECT_EQ(to_hex(write_tpm_key(read_tpm_key(der_))), to_hex(expected));
}

TEST_F(TpmKeyTest, WhatIsWrittenIsRead) {
    const SealedObject object = read_tpm_key(der_);
    EXPECT_EQ(read_tpm_key(write_tpm_key(object)), object);
}

TEST_F(TpmKeyTest, TruncatedAtEveryLengthIsRefused) {
    for (std::size_t size = 0; size < der_.size(); ++size) {
        EXPECT_EQ(test::reason_of([&] { static_cast<void>(read_tpm_key(BytesView{der_}.first(size))); }),
                  Reason::bad_data)
            << size;
    }
}

TEST_F(TpmKeyTest, FlippedBytesNeverCrash) {
    for (std::size_t i = 0; i < der_.size(); ++i) {
        for (unsigned bit = 0; bit < 8; ++bit) {
            Bytes flipped = der_;
            flipped[i] ^= static_cast<std::byte>(1U << bit);
            try {
                static_cast<void>(read_tpm_key(flipped));
            } catch (const Error& error) {
                EXPECT_EQ(error.reason(), Reason::bad_data);
            }
        }
    }
}

TEST_F(TpmKeyTest, TrailingByteIsRefused) {
    Bytes longer = der_;
    longer.push_back(std::byte{0});
    EXPECT_EQ(refusal(to_hex(longer)), "not a sealed TPMKey: something stands behind its end");
}

TEST_F(TpmKeyTest, LongerThanTheKernelTakesIsAMistakeOfOurs) {
    SealedObject object = read_tpm_key(der_);
    object.private_area.assign(2 + 0x1a0, std::byte{0});
    object.private_area[0] = std::byte{0x01};
    object.private_area[1] = std::byte{0xa0};
    EXPECT_EQ(test::reason_of([&] { static_cast<void>(write_tpm_key(object)); }), Reason::internal);
}

TEST_F(TpmKeyTest, Tpm2bThatLiesIsNeverWritten) {
    SealedObject object = read_tpm_key(der_);
    object.public_area.pop_back();
    EXPECT_EQ(test::reason_of([&] { static_cast<void>(write_tpm_key(object)); }), Reason::internal);
}

struct FormCase {
    const char* name;
    std::string content;
};

class TpmKeyFormTest : public testing::TestWithParam<FormCase> {};

TEST_P(TpmKeyFormTest, IsRead) {
    const SealedObject object = read_hex(sequence(GetParam().content));
    EXPECT_EQ(object.parent, 0x81000001U);
    EXPECT_EQ(to_hex(object.public_area), "0002aabb");
    EXPECT_EQ(to_hex(object.private_area), "0001cc");
}

INSTANTIATE_TEST_SUITE_P(
    Table, TpmKeyFormTest,
    testing::Values(FormCase{"true_of_the_kernel", std::string{small_oid} + "a003010101" + small_rest},
                    FormCase{"true_of_der", std::string{small_oid} + "a0030101ff" + small_rest},
                    FormCase{"no_empty_auth", std::string{small_oid} + small_rest},
                    FormCase{"parent_without_leading_zero",
                             std::string{small_oid} + "a003010101" + "02048100000104040002aabb04030001cc"}),
    [](const auto& entry) { return entry.param.name; });

struct BadFormCase {
    const char* name;
    std::string der;
    const char* message;
};

class TpmKeyRefusalTest : public testing::TestWithParam<BadFormCase> {};

TEST_P(TpmKeyRefusalTest, NamesTheFault) {
    EXPECT_EQ(refusal(GetParam().der), std::string{"not a sealed TPMKey: "} + GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    Table, TpmKeyRefusalTest,
    testing::Values(
        BadFormCase{"empty", "", "it ends before the sequence"},
        BadFormCase{"not_a_sequence", "0400", "something else is in the place of the sequence"},
        BadFormCase{"cut_off", "30", "it is cut off, or not DER"},
        BadFormCase{"indefinite_length", "3080" + std::string{small_oid} + small_rest + "0000",
                    "it is cut off, or not DER"},
        BadFormCase{"loadable_key", sequence(std::string{"06066781050a0103"} + small_rest),
                    "its type is another one (2.23.133.10.1.5 is wanted)"},
        BadFormCase{"empty_auth_of_two_bytes", sequence(std::string{small_oid} + "a00401020101" + small_rest),
                    "emptyAuth is not a truth value"},
        BadFormCase{"parent_of_five_bytes",
                    sequence(std::string{small_oid} + "0205018100000104040002aabb04030001cc"),
                    "its parent is not a handle of 32 bits"},
        BadFormCase{"parent_empty", sequence(std::string{small_oid} + "020004040002aabb04030001cc"),
                    "its parent is not a handle of 32 bits"},
        BadFormCase{"public_size_too_small",
                    sequence(std::string{small_oid} + "0205008100000104040001aabb04030001cc"),
                    "the size field of the public area is not its length"},
        BadFormCase{"private_size_too_great",
                    sequence(std::string{small_oid} + "0205008100000104040002aabb04030002cc"),
                    "the size field of the private area is not its length"},
        BadFormCase{"without_size_field",
                    sequence(std::string{small_oid} + "02050081000001040104" + "04030001cc"),
                    "the size field of the public area is not its length"},
        BadFormCase{"private_missing", sequence(std::string{small_oid} + "0205008100000104040002aabb"),
                    "it ends before the private area"},
        BadFormCase{"with_policy", sequence(std::string{small_oid} + small_rest + "a1023000"),
                    "it holds an element that the kernel does not know"}),
    [](const auto& entry) { return entry.param.name; });

} // namespace sealmount
