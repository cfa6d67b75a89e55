// Quotation marks and escapes are those of JSON, as another implementation writes them.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "base/text.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <string>

namespace sealmount {

namespace {

std::string quoted_by_the_library(const std::string& text) {
    return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

} // namespace

TEST(QuotesTest, EachByteAndEachPairOfBytes) {
    EXPECT_EQ(in_quotes(""), "\"\"");
    EXPECT_EQ(in_quotes("a\"b\\\n"), "\"a\\\"b\\\\\\n\"");
    for (unsigned first = 0; first < 256; ++first) {
        for (unsigned second = 0; second < 256; ++second) {
            const std::string text{'a', static_cast<char>(first), static_cast<char>(second)};
            ASSERT_EQ(in_quotes(text), quoted_by_the_library(text)) << first << " " << second;
            ASSERT_EQ(in_quotes(text + "z"), quoted_by_the_library(text + "z")) << first << " " << second;
        }
    }
}

TEST(QuotesTest, BytesAroundTheEdgesOfUtf8) {
    const std::string bytes =
        "\x01\x7f\x80\x8f\x90\x9f\xa0\xbf\xc1\xc2\xdf\xe0\xe1\xed\xef\xf0\xf1\xf4\xf5\xff";
    for (const char first : bytes) {
        for (const char second : bytes) {
            for (const char third : bytes) {
                for (const char fourth : bytes) {
                    const std::string text{first, second, third, fourth};
                    ASSERT_EQ(in_quotes(text), quoted_by_the_library(text));
                }
            }
        }
    }
}

} // namespace sealmount
