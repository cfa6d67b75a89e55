// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/events/measure_log.hpp"

#include "core/events/event_text.hpp"
#include "unit/log_maker.hpp"
#include "unit/vectors.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sealmount {

using testing::HasSubstr;

namespace {

const std::string phase_digest = to_hex(digest(PcrBank::sha256, {as_bytes("enter-initrd")}));

/// As systemd 257 writes it: record separator, one line of JSON.
std::string record(const std::string& pcr, const std::string& digest_text) {
    return "\x1e{\"pcr\":" + pcr + ",\"digests\":[{\"hashAlg\":\"sha256\",\"digest\":\"" + digest_text +
           "\"},{\"hashAlg\":\"sm3_256\",\"digest\":\"00\"}],\"content_type\":\"systemd\",\"content\":{"
           "\"string\":"
           "\"enter-initrd\",\"bootId\":\"0\",\"timestamp\":1,\"eventType\":\"phase\"}}\n";
}

} // namespace

TEST(MeasureLogTest, RecordsAreRead) {
    const MeasureLog log = parse_measure_log(record("11", phase_digest) + record("15", phase_digest), "log");
    ASSERT_EQ(log.events.size(), 2U);
    EXPECT_EQ(log.events[0].pcr, 11U);
    EXPECT_EQ(log.events[0].kind, "phase");
    EXPECT_EQ(log.events[0].string, "enter-initrd");
    EXPECT_EQ(to_hex(log.events[0].digests.at(PcrBank::sha256)), phase_digest);
    EXPECT_EQ(log.events[1].number, 2U);
    EXPECT_EQ(describe(log.events[0]), "boot phase enter-initrd");
}

TEST(MeasureLogTest, EmptyLogHasNoEvents) {
    EXPECT_TRUE(parse_measure_log("", "log").events.empty());
    EXPECT_TRUE(parse_measure_log("\x1e\n", "log").events.empty());
}

TEST(MeasureLogTest, RecordsAboutOtherThingsArePassedOver) {
    const std::string other = "\x1e{\"nv_index\":1,\"digests\":[]}\n";
    const MeasureLog log = parse_measure_log(other + record("11", phase_digest), "log");
    ASSERT_EQ(log.events.size(), 1U);
    EXPECT_EQ(log.events[0].number, 2U);
}

TEST(MeasureLogTest, RefusalNamesFileAndRecord) {
    const auto message = [](const std::string& text) {
        const Error error = test::error_of([&] { (void)parse_measure_log(text, "m.log"); });
        EXPECT_EQ(error.reason(), Reason::bad_data);
        return std::string{error.what()};
    };
    EXPECT_THAT(message(record("11", phase_digest) + record("24", phase_digest)),
                HasSubstr("m.log: record 2: \"pcr\" must be a number from 0 to 23"));
    EXPECT_THAT(message(record("-1", phase_digest)), HasSubstr("record 1: \"pcr\""));
    EXPECT_THAT(message(record("11", "abcd")), HasSubstr("the sha256 digest must be 64 hex digits"));
    EXPECT_THAT(message("\x1e{\"pcr\":11}\n"), HasSubstr("does not have a list of digests"));
    EXPECT_THAT(message("\x1e[]\n"), HasSubstr("is not a JSON object"));
    EXPECT_THAT(message("\x1e{\"pcr\":11,\n"), HasSubstr("record 1: "));
}

TEST(MeasureLogTest, TruncatedAnywhereIsRefusedOrShorter) {
    const std::string whole = record("11", phase_digest) + record("15", phase_digest);
    for (std::size_t size = 0; size + 1 < whole.size(); ++size) {
        try {
            EXPECT_LE(parse_measure_log(whole.substr(0, size), "log").events.size(), 1U) << size;
        } catch (const Error& error) {
            EXPECT_EQ(error.reason(), Reason::bad_data);
        }
    }
}

} // namespace sealmount
