// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/events/event_text.hpp"

#include "base/text.hpp"
#include "core/events/device_path.hpp"
#include "core/events/efi_variable.hpp"
#include "core/events/variable_text.hpp"
#include "unit/log_maker.hpp"
#include "unit/vectors.hpp"

#include <gtest/gtest.h>

namespace sealmount {

using test::bytes_of;
using test::put;
using test::unhex;
using test::wide;
using test::wide_with_nul;

namespace {

EventLog ovmf_log() {
    const std::string file = test::read_file(std::string{SEALMOUNT_TEST_VECTORS} + "/ovmf-eventlog.bin");
    return parse_event_log(as_bytes(file), "ovmf");
}

std::string words(const EventType type, const Bytes& data) {
    LogEvent event;
    event.type = type;
    event.data = data;
    return describe(event);
}

Bytes variable(const std::string& name, const Bytes& contents) {
    return to_bytes({.guid = image_security_database(), .name = wide(name), .contents = contents});
}

Bytes esl(const std::string& name) {
    return bytes_of(test::read_file(std::string{SEALMOUNT_TEST_VECTORS} + "/pe/" + name));
}

Bytes tagged(const std::uint32_t tag, const Bytes& text) {
    Bytes data;
    put(data, tag, 4);
    put(data, text.size(), 4);
    put(data, text);
    return data;
}

} // namespace

TEST(EventWordsTest, RealLogReads) {
    const EventLog log = ovmf_log();
    EXPECT_EQ(describe(log.events[10]), "VenMedia(1428f772-b64a-441e-b8c3-9ebdd7f893c7)/kernel");
    EXPECT_EQ(describe(log.events[11]), "variable BootOrder: 0000");
    EXPECT_EQ(describe(log.events[12]),
              "variable Boot0000: \"UiApp\", "
              "Fv(7cb8bdc9-f8eb-4f34-aaea-3ee4af6516a1)/FvFile(462caa21-7614-4503-836e-8ab6f4662331)");
    EXPECT_EQ(describe(log.events[21]), "command line, measured by Linux (LOADED_IMAGE::LoadOptions)");
    std::vector<std::string> of_pcr_7;
    for (const LogEvent& event : log.events) {
        if (event.is_measured() && event.pcr == 7) {
            of_pcr_7.push_back(std::to_string(event.number) + ", " + event_type_name(event.type) + ": " +
                               describe(event));
        }
    }
    EXPECT_EQ(of_pcr_7,
              (std::vector<std::string>{"5, EV_EFI_VARIABLE_DRIVER_CONFIG: variable SecureBoot: off",
                                        "6, EV_EFI_VARIABLE_DRIVER_CONFIG: variable PK: empty",
                                        "7, EV_EFI_VARIABLE_DRIVER_CONFIG: variable KEK: empty",
                                        "8, EV_EFI_VARIABLE_DRIVER_CONFIG: variable db: empty",
                                        "9, EV_EFI_VARIABLE_DRIVER_CONFIG: variable dbx: empty",
                                        "10, EV_SEPARATOR: end of the firmware's part"}));
}

TEST(EventWordsTest, TypesHaveNames) {
    EXPECT_EQ(event_type_name(EventType::ipl), "EV_IPL");
    EXPECT_EQ(event_type_name(EventType{0x800000e0}), "EV_EFI_VARIABLE_AUTHORITY");
    EXPECT_EQ(event_type_name(EventType{0x1234abcd}), "0x1234abcd");
    EXPECT_EQ(event_type_name(EventType{0}), "EV_PREBOOT_CERT");
}

TEST(EventWordsTest, TextsOfBootLoadersAreReadInTheirForms) {
    EXPECT_EQ(words(EventType::ipl, wide_with_nul("root=/dev/vda rw")), "root=/dev/vda rw");
    EXPECT_EQ(words(EventType::ipl, wide("quiet")), "quiet");
    EXPECT_EQ(words(EventType::ipl, bytes_of(std::string_view{"grub_cmd: linux /vmlinuz\0", 25})),
              "grub_cmd: linux /vmlinuz");
    EXPECT_EQ(words(EventType::ipl, unhex("0001ff80")), "4 bytes");
    EXPECT_EQ(words(EventType::ipl, {}), "0 bytes");
    EXPECT_EQ(words(EventType::event_tag, tagged(linux_initrd_tag, bytes_of("Linux initrd"))),
              "initrd, measured by Linux (Linux initrd)");
    EXPECT_EQ(words(EventType::event_tag, tagged(0x13aed6db, wide_with_nul("addon"))),
              "tag 0x13aed6db: addon");
    EXPECT_EQ(words(EventType::post_code, bytes_of("ACPI DATA")), "ACPI DATA");
}

TEST(EventWordsTest, ControlCharactersDoNotReachTheTerminal) {
    EXPECT_EQ(words(EventType{0x5}, wide_with_nul("a\tb")), "a?b");
    EXPECT_EQ(printable("x\x1b[31m\xc2\x9b\xff ok \xc3\xa4"), "x?[31m?? ok \xc3\xa4");
}

TEST(EventWordsTest, SecureBootDatabasesShowSubjectsAndCounts) {
    EXPECT_EQ(describe_variable(variable("db", esl("one.esl"))), "variable db: certificate CN=Test one");
    Bytes both = esl("one.esl");
    put(both, esl("two.esl"));
    EXPECT_EQ(describe_variable(variable("db", both)),
              "variable db: certificate CN=Test one; certificate CN=Test two");
    // EFI_CERT_SHA256_GUID, two entries.
    Bytes hashes = unhex("2616c4c14c509240aca941f936934328");
    put(hashes, 28 + 2 * 48, 4);
    put(hashes, 0, 4);
    put(hashes, 48, 4);
    hashes.resize(28 + 2 * 48);
    EXPECT_EQ(describe_variable(variable("dbx", hashes)), "variable dbx: 2 hashes");
    EXPECT_EQ(describe_variable(variable("SecureBoot", unhex("01"))), "variable SecureBoot: on");
}

TEST(EventWordsTest, AuthorityShowsItsCertificate) {
    const Signature signature = signatures_of(esl("two.esl")).value().front();
    EXPECT_EQ(words(EventType::variable_authority, variable("db", signature.measured_form())),
              "variable db: certificate CN=Test two");
}

TEST(EventWordsTest, DevicePathsHaveTheirUsualText) {
    // PciRoot(0), Pci(1F,2), Sata(0,65535,0), HD(1,GPT,...), a file.
    const Bytes path =
        unhex("02010c00d041030a00000000"
              "01010600021f"
              "03120a000000ffff0000"
              "04012a00010000000008000000000000000010000000000061dfe48bca93d211aa0d00e098032b8c0202"
              "04040a0061002e000000"
              "7fff0400");
    EXPECT_EQ(device_path_text(path), "PciRoot(0x0)/Pci(0x1F,0x2)/Sata(0,65535,0)/"
                                      "HD(1,GPT,8be4df61-93ca-11d2-aa0d-00e098032b8c,0x800,0x100000)/a.");
    EXPECT_EQ(file_in(path).partition, "8be4df61-93ca-11d2-aa0d-00e098032b8c");
    EXPECT_EQ(file_in(path).path, ""); // it does not begin at the root
    EXPECT_EQ(device_path_text(unhex("05010600abcd7fff0400")), "Path(5,1,abcd)");
    EXPECT_EQ(device_path_text(unhex("01010600021f0101")), "Pci(0x1F,0x2)...");
    EXPECT_EQ(device_path_text(unhex("01010000")), "...");
    EXPECT_EQ(device_path_text({}), "");
}

TEST(EventWordsTest, DevicePathsLeadToAFile) {
    const std::string disk =
        "01010600021f"
        "04012a00010000000008000000000000000010000000000061dfe48bca93d211aa0d00e098032b8c0202";
    const std::string directory = "040408005c006100";      // \a
    const std::string file = "04040a0062002e000000";       // b.
    const std::string rooted = "04040c005c0062002e000000"; // \b.
    const auto path_of = [&](const std::string& nodes) { return file_in(unhex(nodes)).path; };
    EXPECT_EQ(path_of(disk + directory + "7fff0400"), "\\a");
    EXPECT_EQ(path_of(disk + directory + file + "7fff0400"), "\\a\\b.");
    EXPECT_EQ(path_of(disk + directory + rooted + "7fff0400"), "\\a\\b.");
    EXPECT_EQ(path_of(disk + directory + "7fff0400" + file), "\\a"); // behind the end
    EXPECT_EQ(path_of(disk + directory + "0404"), "\\a...");         // cut short
    EXPECT_EQ(path_of(directory + "7fff0400"), "");                  // of no disk
    EXPECT_EQ(file_in(unhex(disk + directory)).partition, "8be4df61-93ca-11d2-aa0d-00e098032b8c");
    EXPECT_EQ(file_in(unhex("01010600021f")).partition, "");
    EXPECT_EQ(file_in({}).path, "");
}

TEST(EfiVariableTest, StructureComesBack) {
    const VariableData data{
        .guid = image_security_database(), .name = wide("db"), .contents = bytes_of("abc")};
    const auto again = variable_data_of(to_bytes(data));
    ASSERT_TRUE(again.has_value());
    EXPECT_EQ(again->name_text(), "db");
    EXPECT_EQ(again->contents, data.contents);
    EXPECT_EQ(to_string(again->guid), "d719b2cb-3d3a-4596-a3bc-dad00e67656f");
    const Bytes bytes = to_bytes(data);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        EXPECT_FALSE(variable_data_of(BytesView{bytes}.first(size)).has_value()) << size;
    }
}

TEST(EfiVariableTest, SignatureListsThatDoNotFitAreNone) {
    const Bytes list = esl("one.esl");
    EXPECT_EQ(signatures_of(list).value().size(), 1U);
    EXPECT_TRUE(signatures_of({}).value().empty());
    for (std::size_t size = 1; size < list.size(); ++size) {
        EXPECT_FALSE(signatures_of(BytesView{list}.first(size)).has_value()) << size;
    }
    Bytes zero_entry = list;
    std::fill(zero_entry.begin() + 24, zero_entry.begin() + 28, std::byte{0});
    EXPECT_FALSE(signatures_of(zero_entry).has_value());
}

TEST(EfiVariableTest, TextsCrossBetweenTheEncodings) {
    const std::string text = "a\xc3\xa4\xe2\x82\xac\xf0\x9f\x94\x91";
    EXPECT_EQ(to_hex(utf16(text).value()), "6100e400ac203dd811dd");
    EXPECT_EQ(utf8(utf16(text).value()), text);
    EXPECT_EQ(utf8(unhex("3dd86100")), "\xef\xbf\xbd"
                                       "a");
    EXPECT_FALSE(utf16("\xc0\x80").has_value());
    EXPECT_FALSE(utf16("\xed\xa0\x80").has_value());
    EXPECT_FALSE(utf16("\xe2\x82").has_value());
}

} // namespace sealmount
