// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/events/event_log.hpp"

#include "unit/log_maker.hpp"
#include "unit/vectors.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

namespace sealmount {

using test::AgileLog;
using test::bytes_of;
using test::put;
using testing::HasSubstr;

namespace {

const std::string vector_directory = std::string{SEALMOUNT_TEST_VECTORS} + "/";

std::string ovmf() {
    return test::read_file(vector_directory + "ovmf-eventlog.bin");
}

void put_sha1_event(Bytes& log, unsigned pcr, EventType type, std::string_view data) {
    put(log, pcr, 4);
    put(log, static_cast<std::uint32_t>(type), 4);
    put(log, digest(PcrBank::sha1, {as_bytes(data)}));
    put(log, data.size(), 4);
    put(log, as_bytes(data));
}

Bytes sha1_log() {
    Bytes log;
    put_sha1_event(log, 0, EventType::post_code, "POST CODE");
    put_sha1_event(log, 4, EventType::separator, std::string_view{"\0\0\0\0", 4});
    return log;
}

} // namespace

TEST(EventLogTest, RealLogReplaysToTheValuesThatTheTpmHeld) {
    const EventLog log = parse_event_log(as_bytes(ovmf()), "ovmf");
    EXPECT_EQ(log.events.size(), 24U);
    EXPECT_EQ(log.banks, (std::vector{PcrBank::sha1, PcrBank::sha256, PcrBank::sha384, PcrBank::sha512}));
    const PcrValues values = replay(log, PcrBank::sha256);
    std::istringstream expected{test::read_file(vector_directory + "ovmf-eventlog-pcrs.txt")};
    unsigned compared = 0;
    for (std::string line; std::getline(expected, line);) {
        const std::size_t mark = line.find(": 0x");
        if (line.starts_with('#') || mark == std::string::npos) {
            continue;
        }
        const auto pcr = static_cast<unsigned>(std::stoul(line));
        EXPECT_EQ(values.at(pcr), test::unhex(line.substr(mark + 4))) << "PCR " << pcr;
        ++compared;
    }
    EXPECT_EQ(compared, pcr_count);
}

TEST(EventLogTest, Sha1FormIsRead) {
    const EventLog log = parse_event_log(sha1_log(), "log");
    ASSERT_EQ(log.events.size(), 2U);
    EXPECT_EQ(log.banks, std::vector{PcrBank::sha1});
    EXPECT_EQ(log.events[1].pcr, 4U);
    EXPECT_EQ(log.events[1].number, 2U);
    EXPECT_EQ(log.events[1].offset, 41U);
    // sha1(20 zeros || sha1(4 zeros)), by sha1sum.
    EXPECT_EQ(to_hex(replay(log, PcrBank::sha1).at(4)), "b2a83b0ebf2f8374299a5b2bdfc31ea955ad7236");
    EXPECT_THAT(test::message_of([&] { (void)replay(log, PcrBank::sha256); }),
                HasSubstr("no sha256 digests"));
}

TEST(EventLogTest, StartupLocalityIsTheBeginningOfPcr0) {
    AgileLog log{{PcrBank::sha256}};
    log.add(0, EventType::no_action, bytes_of(std::string_view{"StartupLocality\0\3", 17}));
    EXPECT_EQ(log.parsed().startup_locality, 3);
    EXPECT_EQ(to_hex(replay(log.parsed(), PcrBank::sha256).at(0)), std::string(62, '0') + "03");
    EXPECT_EQ(to_hex(replay(log.parsed(), PcrBank::sha256).at(1)), std::string(64, '0'));
}

TEST(EventLogTest, UnknownHashAlgorithmIsPassedOver) {
    AgileLog log{{PcrBank::sha256}};
    log.add(4, EventType::separator, bytes_of("x"));
    const EventLog plain = log.parsed();
    // The same with SM3 (0x0012) for SHA-256.
    for (std::size_t at = 0; at + 1 < log.bytes.size(); ++at) {
        if (log.bytes[at] == std::byte{0x0b} && log.bytes[at + 1] == std::byte{0}) {
            log.bytes[at] = std::byte{0x12};
        }
    }
    EXPECT_TRUE(log.parsed().banks.empty());
    EXPECT_EQ(log.parsed().events.size(), plain.events.size());
}

TEST(EventLogTest, PaddingIsTolerated) {
    const std::string padded = ovmf() + std::string(4096, '\0');
    EXPECT_EQ(parse_event_log(as_bytes(padded), "ovmf").events.size(), 24U);
}

TEST(EventLogTest, TruncatedAnywhereIsRefusedOrShorter) {
    const std::string whole = ovmf();
    std::size_t accepted = 0;
    for (std::size_t size = 0; size < whole.size(); ++size) {
        const std::string part = whole.substr(0, size);
        try {
            EXPECT_LE(parse_event_log(as_bytes(part), "cut.bin").events.size(), 23U) << size;
            ++accepted;
        } catch (const Error& error) {
            EXPECT_EQ(error.reason(), Reason::bad_data);
            EXPECT_THAT(error.what(), HasSubstr("cut.bin: "));
        }
    }
    // Between two events, and in the zeros at the beginning of the next one.
    EXPECT_GE(accepted, 23U);
    EXPECT_LT(accepted, 200U);
}

TEST(EventLogTest, RefusalNamesFileEventAndOffset) {
    Bytes log = sha1_log();
    log.pop_back();
    EXPECT_EQ(test::message_of([&] { (void)parse_event_log(log, "cut.bin"); }),
              "cut.bin: event 2 at offset 41: the log ends within the event's data");
    EXPECT_EQ(test::message_of([&] { (void)parse_event_log({}, "none.bin"); }),
              "none.bin: the event log is empty");
    log = sha1_log();
    log[0] = std::byte{24};
    EXPECT_THAT(test::message_of([&] { (void)parse_event_log(log, "f"); }), HasSubstr("there is no PCR 24"));
}

TEST(EventLogTest, HugeSizesAreRefused) {
    Bytes log = sha1_log();
    for (std::size_t at = 28; at < 32; ++at) {
        log[at] = std::byte{0xff};
    }
    EXPECT_EQ(test::reason_of([&] { (void)parse_event_log(log, "f"); }), Reason::bad_data);
}

TEST(EventLogTest, OnlyABankThatLacksADigestIsLeftOut) {
    AgileLog log{{PcrBank::sha1, PcrBank::sha256}};
    log.add(4, EventType::separator, bytes_of("x"));
    AgileLog one{{PcrBank::sha256}};
    const std::size_t head = one.bytes.size();
    one.add(4, EventType::separator, bytes_of("y"));
    log.bytes.insert(log.bytes.end(), one.bytes.begin() + static_cast<std::ptrdiff_t>(head), one.bytes.end());
    const EventLog parsed = log.parsed();
    EXPECT_EQ(parsed.banks, std::vector{PcrBank::sha256});
    EXPECT_EQ(parsed.events.size(), 3U);
    EXPECT_EQ(test::reason_of([&] { (void)replay(parsed, PcrBank::sha1); }), Reason::unavailable);
}

TEST(EventLogTest, OnesAreAPaddingTooAndNothingButPaddingIsNoLog) {
    AgileLog log{{PcrBank::sha256}};
    log.add(4, EventType::separator, bytes_of("x"));
    log.bytes.insert(log.bytes.end(), 64, std::byte{0xff});
    EXPECT_EQ(log.parsed().events.size(), 2U);
    for (const std::byte padding : {std::byte{0}, std::byte{0xff}}) {
        EXPECT_THAT(test::message_of([&] { (void)parse_event_log(Bytes(4096, padding), "f"); }),
                    HasSubstr("is empty"));
    }
}

TEST(EventLogTest, DigestsThatWereNotAnnouncedAreRefused) {
    AgileLog log{{PcrBank::sha256}};
    const std::size_t event = log.bytes.size();
    log.add(4, EventType::separator, bytes_of("x"));
    Bytes other = log.bytes;
    other[event + 12] = std::byte{0x0c};
    EXPECT_THAT(test::message_of([&] { (void)parse_event_log(other, "f"); }), HasSubstr("was not announced"));
    other = log.bytes;
    other[event + 8] = std::byte{2};
    EXPECT_THAT(test::message_of([&] { (void)parse_event_log(other, "f"); }), HasSubstr("has 2 digests"));
    other[event + 8] = std::byte{0};
    EXPECT_THAT(test::message_of([&] { (void)parse_event_log(other, "f"); }),
                HasSubstr("lacks its sha256 digest"));
}

} // namespace sealmount
