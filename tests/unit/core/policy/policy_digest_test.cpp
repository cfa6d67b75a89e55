// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/policy/policy_digest.hpp"

#include "core/policy/pcr_policy.hpp"
#include "unit/vectors.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace sealmount {

using test::text_of;
using test::unhex;

namespace {

constexpr const char* file = "policy_steps.json";

PolicyDigest digest_of(const std::string& hex) {
    const Bytes bytes = unhex(hex);
    PolicyDigest digest{};
    EXPECT_EQ(bytes.size(), digest.size());
    std::ranges::copy(bytes, digest.begin());
    return digest;
}

std::vector<PolicyDigest> branches_of(const Json& vector) {
    std::vector<PolicyDigest> branches;
    for (const Json& branch : vector.at("branches")) {
        branches.push_back(digest_of(branch.get<std::string>()));
    }
    return branches;
}

} // namespace

TEST(PolicyDigestTest, PcrStepIsThatOfTheTpm) {
    for (const Json& vector : test::vectors(file, "pcr")) {
        PcrValues values;
        for (const auto& [pcr, value] : vector.at("values").items()) {
            values.emplace(static_cast<unsigned>(std::stoul(pcr)), unhex(value.get<std::string>()));
        }
        const PcrSelection selection = parse_pcr_selection(text_of(vector, "selection"));
        EXPECT_EQ(to_hex(after_pcr(digest_of(text_of(vector, "after")), selection, values)),
                  text_of(vector, "digest"))
            << text_of(vector, "selection");
    }
}

TEST(PolicyDigestTest, PcrWithoutValueIsAMistake) {
    EXPECT_EQ(test::message_of([] {
                  static_cast<void>(after_pcr({}, {.bank = PcrBank::sha256, .mask = 3}, {{0, Bytes(32)}}));
              }),
              "no value for PCR 1 of a policy");
}

TEST(PolicyDigestTest, OrStepIsThatOfTheTpm) {
    for (const Json& vector : test::vectors(file, "or")) {
        EXPECT_EQ(to_hex(after_or(branches_of(vector))), text_of(vector, "digest"));
    }
}

TEST(PolicyDigestTest, ATpmTakesTwoToEightBranches) {
    for (const std::size_t count : {std::size_t{0}, std::size_t{1}, std::size_t{9}}) {
        const std::vector<PolicyDigest> branches(count);
        EXPECT_EQ(test::reason_of([&] { static_cast<void>(after_or(branches)); }), Reason::internal) << count;
    }
}

TEST(PolicyDigestTest, CounterStepIsThatOfTheTpm) {
    for (const Json& vector : test::vectors(file, "counter")) {
        const CounterStep step{.offset = vector.at("offset").get<std::uint16_t>(),
                               .operand = unhex(text_of(vector, "operand")),
                               .comparison = Comparison{vector.at("comparison").get<std::uint16_t>()}};
        EXPECT_EQ(to_hex(after_counter(digest_of(text_of(vector, "after")), step)),
                  text_of(vector, "digest"));
    }
}

TEST(PolicyDigestTest, PasswordStepIsThatOfTheTpm) {
    for (const Json& vector : test::vectors(file, "password")) {
        EXPECT_EQ(to_hex(after_password(digest_of(text_of(vector, "after")))), text_of(vector, "digest"));
    }
}

TEST(PolicyDigestTest, AuthorizeStepIsThatOfTheTpm) {
    for (const Json& vector : test::vectors(file, "keys")) {
        EXPECT_EQ(to_hex(after_authorize(unhex(text_of(vector, "name")))), text_of(vector, "after_authorize"))
            << text_of(vector, "type");
    }
}

TEST(PolicyDigestTest, AuthorizeNvStepIsThatOfTheTpm) {
    for (const Json& vector : test::vectors(file, "nv")) {
        EXPECT_EQ(to_hex(after_authorize_nv(unhex(text_of(vector, "name")))),
                  text_of(vector, "after_authorize_nv"));
    }
}

} // namespace sealmount
