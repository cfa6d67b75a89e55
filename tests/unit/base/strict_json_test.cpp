// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "base/strict_json.hpp"

#include "unit/vectors.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace sealmount {

using test::message_of;

namespace {

std::string refusal(const std::string& text) {
    const Error error = test::error_of([&] { static_cast<void>(parse_json(text)); });
    EXPECT_EQ(error.reason(), Reason::config);
    return error.what();
}

} // namespace

TEST(StrictJsonTest, SyntaxErrorNamesLineAndColumn) {
    EXPECT_THAT(refusal("{\n  \"a\": ,\n}"), testing::StartsWith("2:8: not JSON: "));
    EXPECT_THAT(refusal("x"), testing::StartsWith("1:1: not JSON: "));
    EXPECT_THAT(refusal("{} x"), testing::StartsWith("1:4: not JSON: "));
}

TEST(StrictJsonTest, AnObjectWithManyMembersIsRefusedAtOnce) {
    const auto object_of = [](const std::size_t members) {
        std::string text = "{";
        for (std::size_t i = 0; i < members; ++i) {
            text += (i == 0 ? "\"" : ",\"") + std::to_string(i) + "\":1";
        }
        return text + "}";
    };
    EXPECT_EQ(parse_json(object_of(most_members)).size(), most_members);
    // What comes behind the name of the first member too many is not even read: it is not JSON. So no search
    // through the members of an object, of which there is one for each member, is ever longer.
    std::string text = object_of(most_members + 1);
    text.resize(text.rfind(':'));
    EXPECT_EQ(refusal(text + "\xff"), "an object has more than 1024 members");
    text.resize(text.rfind(','));
    EXPECT_THAT(refusal(text + "\xff"), testing::HasSubstr("not JSON"));
    // Each object has its own members.
    std::string many = "[";
    for (int i = 0; i < 40; ++i) {
        many += object_of(most_members) + ",";
    }
    EXPECT_EQ(parse_json(many + "1]").size(), 41U);
}

TEST(StrictJsonTest, EmptyTextIsRefused) {
    EXPECT_THAT(refusal(""), testing::StartsWith("1:1: not JSON: "));
}

TEST(StrictJsonTest, CommentsAreRefused) {
    EXPECT_THAT(refusal("{} // no"), testing::HasSubstr("not JSON"));
}

TEST(StrictJsonTest, TextThatIsNotUtf8IsRefused) {
    EXPECT_THAT(refusal("{\"a\": \"\xff\"}"), testing::HasSubstr("not JSON"));
    EXPECT_THAT(refusal("{\"a\": \"\xc3\"}"), testing::HasSubstr("not JSON"));
}

TEST(StrictJsonTest, NumberThatNothingCanHoldIsRefused) {
    EXPECT_EQ(refusal("{\n  \"a\": -1e999}"), "2:8: the number is larger than any that can be read");
    EXPECT_EQ(refusal("[1, 11e400]"), "1:5: the number is larger than any that can be read");
}

TEST(StrictJsonTest, RepeatedMemberIsRefused) {
    EXPECT_THAT(refusal(R"({"a": 1, "a": 2})"),
                testing::HasSubstr("the member \"a\" appears twice in one object"));
    EXPECT_THAT(refusal(R"({"x": [{"b": 1, "b": 1}]})"),
                testing::HasSubstr("the member \"b\" appears twice in one object"));
}

TEST(StrictJsonTest, SameMemberOfTwoObjectsIsFine) {
    EXPECT_EQ(parse_json(R"([{"a": {"a": 1}}, {"a": 2}])").size(), 2U);
}

TEST(StrictJsonTest, MembersKeepTheirOrder) {
    EXPECT_EQ(parse_json(R"({"z":1,"a":2,"m":3})").dump(), R"({"z":1,"a":2,"m":3})");
}

TEST(StrictJsonTest, DeepNestingIsSurvived) {
    EXPECT_THAT(refusal(std::string(100000, '[')), testing::HasSubstr("not JSON"));
}

TEST(ObjectReaderTest, GettersGiveWhatIsThere) {
    const Json json = parse_json(R"({"s":"x","i":-7,"o":{},"a":[],"b":true,"l":["p","q"]})");
    ObjectReader reader{json, "root"};
    EXPECT_EQ(reader.string("s"), "x");
    EXPECT_EQ(reader.integer("i"), -7);
    EXPECT_TRUE(reader.object("o").empty());
    EXPECT_TRUE(reader.array("a").empty());
    EXPECT_EQ(reader.optional_boolean("b"), true);
    EXPECT_EQ(reader.optional_strings("l"), (std::vector<std::string>{"p", "q"}));
    EXPECT_EQ(reader.optional_string("none"), std::nullopt);
    EXPECT_EQ(reader.optional_integer("none"), std::nullopt);
    EXPECT_EQ(reader.optional_boolean("none"), std::nullopt);
    EXPECT_TRUE(reader.optional_strings("none").empty());
    reader.finish();
}

TEST(ObjectReaderTest, UnknownMemberIsRefused) {
    const Json json = parse_json(R"({"a":1,"nofial":true})");
    ObjectReader reader{json, "volumes[2]"};
    static_cast<void>(reader.integer("a"));
    EXPECT_EQ(message_of([&] { reader.finish(); }), "volumes[2].nofial: is not a known member");
}

TEST(ObjectReaderTest, DocumentItselfHasNoPath) {
    const Json json = parse_json(R"({"a":1})");
    EXPECT_EQ(message_of([&] { ObjectReader{json, ""}.finish(); }), "a: is not a known member");
    EXPECT_EQ(message_of([] {
                  const Json number = 7;
                  ObjectReader{number, ""};
              }),
              "the document: must be an object");
}

TEST(ObjectReaderTest, WrongTypeIsRefused) {
    const Json json =
        parse_json(R"({"n":1.0,"s":"x","i":7,"huge":18446744073709551615,"null":null,"l":["a",1]})");
    ObjectReader reader{json, "v"};
    EXPECT_EQ(message_of([&] { static_cast<void>(reader.string("i")); }), "v.i: must be a string");
    EXPECT_EQ(message_of([&] { static_cast<void>(reader.string("null")); }), "v.null: must be a string");
    EXPECT_EQ(message_of([&] { static_cast<void>(reader.integer("s")); }), "v.s: must be a whole number");
    EXPECT_EQ(message_of([&] { static_cast<void>(reader.integer("n")); }), "v.n: must be a whole number");
    EXPECT_EQ(message_of([&] { static_cast<void>(reader.integer("huge")); }),
              "v.huge: must be a whole number");
    EXPECT_EQ(message_of([&] { static_cast<void>(reader.object("i")); }), "v.i: must be an object");
    EXPECT_EQ(message_of([&] { static_cast<void>(reader.array("i")); }), "v.i: must be an array");
    EXPECT_EQ(message_of([&] { static_cast<void>(reader.optional_boolean("i")); }),
              "v.i: must be true or false");
    EXPECT_EQ(message_of([&] { static_cast<void>(reader.optional_strings("l")); }),
              "v.l[1]: must be a string");
    EXPECT_EQ(message_of([&] { static_cast<void>(reader.string("gone")); }), "v.gone: is missing");
}

} // namespace sealmount
