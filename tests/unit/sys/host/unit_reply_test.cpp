// What systemd answers, as it comes over the bus.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "base/error.hpp"
#include "base/unique_fd.hpp"
#include "sys/host/unit_reply.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <sys/socket.h>

namespace sealmount::testing {

namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// A bus that nobody is at the other end of: messages can be made, and read again.
class UnitReplyTest : public ::testing::Test {
  protected:
    void SetUp() override {
        std::array<int, 2> ends{};
        ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()), 0);
        other_end = UniqueFd{ends[1]};
        ASSERT_GE(::sd_bus_new(&bus), 0);
        ASSERT_GE(::sd_bus_set_fd(bus, ends[0], ends[0]), 0);
        ASSERT_GE(::sd_bus_start(bus), 0);
        ::sd_bus_message* raw = nullptr;
        ASSERT_GE(::sd_bus_message_new_method_call(bus, &raw, "a.b", "/", "a.b", "GetAll"), 0);
        message.reset(raw);
        ASSERT_GE(::sd_bus_message_open_container(raw, 'a', "{sv}"), 0);
    }
    void TearDown() override {
        message.reset();
        ::sd_bus_unref(bus);
    }

    template<typename... Values>
    void has(const char* const name, const char* const type, Values... values) {
        ASSERT_GE(::sd_bus_message_append(message.get(), "{sv}", name, type, values...), 0) << name;
    }

    UnitReply read(const std::string& unit) {
        EXPECT_GE(::sd_bus_message_close_container(message.get()), 0);
        EXPECT_GE(::sd_bus_message_seal(message.get(), 1, 0), 0);
        EXPECT_GE(::sd_bus_message_rewind(message.get(), 1), 0);
        return read_unit(message.get(), unit);
    }

    ::sd_bus* bus = nullptr;
    UniqueFd other_end;
    BusMessage message;
};

TEST_F(UnitReplyTest, WhatIsKnownIsReadAndTheRestSkipped) {
    has("Id", "s", "srv-vault.mount");
    has("LoadState", "s", "loaded");
    has("ActiveState", "s", "failed");
    has("Result", "s", "start-limit-hit");
    has("FragmentPath", "s", "/run/systemd/generator/srv-vault.mount");
    has("SourcePath", "s", "/etc/sealmount/manifest.json");
    has("DropInPaths", "as", 2, "/etc/a.conf", "/etc/b.conf");
    has("WantedBy", "as", 1, "local-fs.target");
    has("RequiredBy", "as", 1, "other.service");
    has("BindsTo", "as", 1, "sealmount-unlock@vault.service");
    has("After", "as", 0);
    has("NeedDaemonReload", "b", 1);
    has("Job", "(uo)", std::uint32_t{7}, "/org/freedesktop/systemd1/job/7");
    has("ConditionTimestampMonotonic", "t", std::uint64_t{5});
    has("ConditionResult", "b", 0);
    has("AssertResult", "b", 0);
    has("Conditions", "a(sbbsi)", 1, "ConditionPathExists", 0, 1, "/etc/off", -1);
    has("What", "s", "/srv/.vault");
    has("Type", "s", "ecryptfs");
    has("TasksMax", "t", std::uint64_t{1});
    const UnitReply reply = read("srv-vault.mount");
    const UnitState& state = reply.state;
    EXPECT_EQ(state.name, "srv-vault.mount");
    EXPECT_EQ(state.load_state, "loaded");
    EXPECT_EQ(state.active_state, "failed");
    EXPECT_EQ(state.result, "start-limit-hit");
    EXPECT_EQ(state.fragment_path, "/run/systemd/generator/srv-vault.mount");
    EXPECT_EQ(state.source_path, "/etc/sealmount/manifest.json");
    EXPECT_THAT(state.drop_ins, ElementsAre("/etc/a.conf", "/etc/b.conf"));
    EXPECT_THAT(state.pulled_in_by, ElementsAre("local-fs.target", "other.service"));
    EXPECT_THAT(state.pulls_in, ElementsAre("sealmount-unlock@vault.service"));
    EXPECT_THAT(state.starts_after, IsEmpty());
    EXPECT_TRUE(state.needs_reload);
    EXPECT_EQ(reply.job_path, "/org/freedesktop/systemd1/job/7");
    EXPECT_FALSE(state.conditions_held);
    EXPECT_THAT(state.conditions,
                ElementsAre(UnitCondition{
                    .type = "ConditionPathExists", .is_negated = true, .parameter = "/etc/off"}));
    EXPECT_EQ(state.mount.at("What"), "/srv/.vault");
    EXPECT_EQ(state.mount.at("Type"), "ecryptfs");
}

TEST_F(UnitReplyTest, AServiceHasProgramsAndNoPlaceToMount) {
    has("LoadState", "s", "loaded");
    has("Type", "s", "oneshot");
    has("Job", "(uo)", std::uint32_t{0}, "/");
    has("ExecStart", "a(sasbttttuii)", 1, "/usr/lib/sealmount/sealmount-unlock", 2, "sealmount-unlock",
        "load", 0, std::uint64_t{0}, std::uint64_t{0}, std::uint64_t{0}, std::uint64_t{0}, std::uint32_t{0},
        0, 0);
    // Nothing has looked at the conditions yet: what follows has no meaning.
    has("ConditionTimestampMonotonic", "t", std::uint64_t{0});
    has("ConditionResult", "b", 0);
    has("AssertResult", "b", 0);
    const UnitReply reply = read("sealmount-unlock@vault.service");
    EXPECT_EQ(reply.job_path, "");
    EXPECT_TRUE(reply.state.conditions_held);
    EXPECT_TRUE(reply.state.mount.empty());
    EXPECT_THAT(reply.state.commands,
                ElementsAre(UnitCommand{.program = "/usr/lib/sealmount/sealmount-unlock",
                                        .arguments = {"sealmount-unlock", "load"},
                                        .is_start = true}));
}

TEST_F(UnitReplyTest, AnotherTypeIsAnError) {
    has("LoadState", "t", std::uint64_t{1});
    EXPECT_THROW(static_cast<void>(read("x.service")), Error);
}

} // namespace

} // namespace sealmount::testing
