// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/ecryptfs/wrapped_passphrase.hpp"

#include "base/strict_json.hpp"
#include "unit/vectors.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace sealmount {

using test::secret;
using test::text_of;
using ::testing::HasSubstr;

namespace {

Bytes version(const int number) {
    for (const Json& vector : test::vectors("vectors.json", "wrapped_passphrase")) {
        if (vector.at("version").get<int>() == number) {
            return test::unhex(text_of(vector, "file_hex"));
        }
    }
    throw std::logic_error{"no such vector"};
}

SecretBytes unwrap(const Bytes& file, const std::string& wrapping = "wrapping pw",
                   const Salt& salt = content_salt) {
    const std::vector<Salt> salts = {salt};
    return unwrap_passphrase(file, secret(wrapping), salts);
}

std::string problem_with(const Bytes& file) {
    const Error error = test::error_of([&] { static_cast<void>(unwrap(file)); });
    EXPECT_EQ(error.reason(), Reason::bad_data);
    return error.what();
}

} // namespace

TEST(WrappedPassphraseTest, ReadsWhatOthersWrote) {
    for (const Json& vector : test::vectors("vectors.json", "wrapped_passphrase")) {
        const SecretBytes passphrase =
            unwrap(test::unhex(text_of(vector, "file_hex")), text_of(vector, "wrapping"));
        EXPECT_TRUE(passphrase.equals(as_bytes(text_of(vector, "secret")))) << text_of(vector, "producer");
    }
}

TEST(WrappedPassphraseTest, AWrongWrappingPassphraseIsRefused) {
    for (const int number : {1, 2}) {
        const Error error = test::error_of([&] { static_cast<void>(unwrap(version(number), "wrong")); });
        EXPECT_EQ(error.reason(), Reason::refused);
        EXPECT_THAT(error.what(), HasSubstr("wrong wrapping passphrase"));
    }
}

TEST(WrappedPassphraseTest, VersionOneWasMadeWithTheSaltOfTheDay) {
    EXPECT_EQ(test::reason_of([] { static_cast<void>(unwrap(version(1), "wrapping pw", filename_salt)); }),
              Reason::refused);
    EXPECT_NO_THROW(static_cast<void>(unwrap(version(2), "wrapping pw", filename_salt)));
}

TEST(WrappedPassphraseTest, VersionOneIsTriedWithEachSalt) {
    const std::array salts = {filename_salt, content_salt};
    EXPECT_TRUE(unwrap_passphrase(version(1), secret("wrapping pw"), salts)
                    .equals(as_bytes("correct horse battery")));
}

TEST(WrappedPassphraseTest, EveryCutIsNoticed) {
    for (const int number : {1, 2}) {
        const Bytes whole = version(number);
        for (std::size_t size = 0; size < whole.size(); ++size) {
            const Bytes cut{whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)};
            // Without its last block the ciphertext is as good as whole: what it gives is part of the
            // passphrase.
            if (whole.size() - size != 16) {
                EXPECT_THAT(problem_with(cut), HasSubstr("not a file that ecryptfs-wrap-passphrase wrote"))
                    << size;
            }
        }
    }
}

TEST(WrappedPassphraseTest, OtherFilesAreRefused) {
    EXPECT_THAT(problem_with(test::unhex("3a03")), HasSubstr("version"));
    EXPECT_THAT(problem_with(Bytes(64, std::byte{'z'})), HasSubstr("signature"));
    Bytes longer = version(1);
    longer.resize(16 + 80);
    EXPECT_THAT(problem_with(longer), HasSubstr("80 bytes"));
}

TEST(WrappedPassphraseTest, LeavesNoSecretBehind) {
    const std::size_t before = SecretBytes::alive();
    static_cast<void>(unwrap(version(2)));
    EXPECT_EQ(SecretBytes::alive(), before);
}

} // namespace sealmount
