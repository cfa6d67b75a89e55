// Boots that a firmware logged, event for event.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/events/pcr_replay.hpp"
#include "core/grub/grub_comparison.hpp"
#include "unit/core/grub/grub_machine_fake.hpp"
#include "unit/vectors.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

namespace sealmount {

using test::FakeGrubMachine;

namespace {

const std::string grub_vectors = std::string{SEALMOUNT_TEST_VECTORS} + "/grub/debian12/";

EventLog log_of(const std::string& boot) {
    return parse_event_log(as_bytes(test::read_file(grub_vectors + boot + ".log")), boot);
}

/// The digest that the log has of a file, by its name there.
Bytes logged_digest(const EventLog& log, const std::string& name) {
    for (const LogEvent& event : log.events) {
        const std::string text{reinterpret_cast<const char*>(event.data.data()), event.data.size()};
        if (event.pcr == grub_file_pcr && text == name + '\0') {
            return event.digests.at(PcrBank::sha256);
        }
    }
    throw std::runtime_error{"the log does not have " + name};
}

/// The machine of that boot, with Debian's two partitions.
void fill(FakeGrubMachine& machine, const EventLog& log, const std::string& boot, const std::string& kernel) {
    machine.add("hd0,gpt1", "/EFI/debian/grub.cfg", test::read_file(grub_vectors + "esp-grub.cfg"));
    machine.add("hd0,gpt2", "/boot/grub/grubenv", test::environment_block(""));
    const auto add_logged = [&](const std::string& path, const std::string& name) {
        machine.digests[{.device = "hd0,gpt2", .path = path}] = logged_digest(log, name);
    };
    machine.add("hd0,gpt2", "/boot/grub/grub.cfg", test::read_file(grub_vectors + boot + ".cfg"));
    add_logged("/boot/grub/grub.cfg", "(hd0,gpt2)/boot/grub/grub.cfg");
    for (const std::string& path : {"/boot/vmlinuz-" + kernel, "/boot/initrd.img-" + kernel}) {
        machine.add("hd0,gpt2", path, "");
        add_logged(path, path);
    }
}

std::string value_in_tpm(const std::string& boot, const unsigned pcr) {
    std::istringstream lines{test::read_file(grub_vectors + "pcrs.txt")};
    std::string name;
    unsigned number = 0;
    std::string value;
    while (lines >> name >> number >> value) {
        if (name == boot && number == pcr) {
            return value;
        }
    }
    return "";
}

} // namespace

class GrubRealLogsTest : public testing::TestWithParam<std::pair<std::string, std::string>> {};

TEST_P(GrubRealLogsTest, EventsAreThoseOfTheFirmwaresLog) {
    const auto& [name, kernel] = GetParam();
    const EventLog log = log_of(name);
    FakeGrubMachine machine;
    fill(machine, log, name, kernel);
    const GrubBoot boot = run_grub(test::debian_start(), machine);
    EXPECT_TRUE(boot.unknown.empty());
    for (const unsigned pcr : {grub_command_pcr, grub_file_pcr}) {
        const auto difference = first_difference(boot, machine, log, pcr, PcrBank::sha256);
        EXPECT_FALSE(difference.has_value())
            << pcr << ": event " << difference->number << ": " << difference->logged << " / "
            << difference->computed << " of " << to_string(difference->place) << difference->reason;
        Bytes value = initial_pcr_value(pcr, PcrBank::sha256, 0);
        for (const GrubEvent& event : boot.events) {
            if (event.pcr == pcr) {
                value = extended(PcrBank::sha256, value, digest(event, machine, PcrBank::sha256));
            }
        }
        EXPECT_EQ(value, test::unhex(value_in_tpm(name, pcr))) << pcr;
    }
    EXPECT_EQ(boot.kernel.value().image.path, "/boot/vmlinuz-" + kernel);
}

TEST_P(GrubRealLogsTest, WhatDiffersIsNamedWithItsPlace) {
    const auto& [name, kernel] = GetParam();
    const EventLog log = log_of(name);
    FakeGrubMachine machine;
    fill(machine, log, name, kernel);
    std::string& script = machine.files.at({"hd0,gpt2", "/boot/grub/grub.cfg"});
    const std::string before = "set timeout=1\n";
    script.replace(script.find(before), before.size(), "set timeout=2\n");
    const auto difference =
        first_difference(run_grub(test::debian_start(), machine), machine, log, 8, PcrBank::sha256);
    ASSERT_TRUE(difference.has_value());
    EXPECT_EQ(difference->logged, "grub_cmd: set timeout=1");
    EXPECT_EQ(difference->computed, "grub_cmd: set timeout=2");
    EXPECT_EQ(difference->place.file, "(hd0,gpt2)/boot/grub/grub.cfg");
    EXPECT_EQ(difference->place.line, 36U);
}

INSTANTIATE_TEST_SUITE_P(Debian12, GrubRealLogsTest,
                         testing::Values(std::pair{"one-kernel", "6.1.0-47-amd64"},
                                         std::pair{"two-kernels", "6.1.0-50-amd64"},
                                         std::pair{"own-kernel", "6.1.0-50-custom"}),
                         [](const auto& test) {
                             std::string name = test.param.first;
                             std::erase(name, '-');
                             return name;
                         });

TEST(GrubComparisonTest, MoreAndFewerEventsAreDifferencesAndSoIsWhatIsUnknown) {
    const EventLog log = log_of("one-kernel");
    FakeGrubMachine machine;
    fill(machine, log, "one-kernel", "6.1.0-47-amd64");
    GrubBoot boot = run_grub(test::debian_start(), machine);
    const auto compare = [&](const unsigned pcr) {
        return first_difference(boot, machine, log, pcr, PcrBank::sha256);
    };
    const GrubEvent last = boot.events.back();
    boot.events.pop_back();
    EXPECT_EQ(compare(9).value().computed, "");
    EXPECT_EQ(compare(9).value().logged, "/boot/initrd.img-6.1.0-47-amd64");
    boot.events.push_back(last);
    boot.events.push_back(last);
    EXPECT_EQ(compare(9).value().computed, "/boot/initrd.img-6.1.0-47-amd64");
    EXPECT_EQ(compare(9).value().number, 0U);
    boot.events.pop_back();
    boot.unknown[9] = {.place = {.file = "f", .line = 1}, .reason = "why"};
    EXPECT_EQ(compare(9).value().reason, "why");
    EXPECT_FALSE(compare(8).has_value());
    EXPECT_THROW((void)first_difference(boot, machine, log, 9, static_cast<PcrBank>(0x27)), Error);
}

} // namespace sealmount
