// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/prediction/next_boot.hpp"

#include "core/events/efi_variable.hpp"
#include "core/prediction/boot_images.hpp"
#include "core/prediction/image_authority.hpp"
#include "core/prediction/uki.hpp"
#include "unit/core/prediction/pe_vectors.hpp"
#include "unit/log_maker.hpp"
#include "unit/vectors.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sealmount {

using test::AgileLog;
using test::bytes_of;
using test::pe_file;
using test::put;
using test::sha256_bank;
using test::wide_with_nul;
using testing::HasSubstr;

namespace {

/// EFI_IMAGE_LOAD_EVENT with a device path of a GPT partition and a file; of a file of no name, from memory.
Bytes image_event(const std::string& path, const bool has_partition = true) {
    Bytes device_path;
    if (!path.empty()) {
        if (has_partition) {
            put(device_path, 0x2a0104, 3);
            put(device_path, 0, 1);
            put(device_path, 1, 4);
            put(device_path, 2048, 8);
            put(device_path, 4096, 8);
            put(device_path, Bytes(16, std::byte{0x11}));
            put(device_path, 0x0202, 2);
        }
        const Bytes name = wide_with_nul(path);
        put(device_path, 0x0404, 2);
        put(device_path, 4 + name.size(), 2);
        put(device_path, name);
        put(device_path, 0x04ff7f, 4);
    }
    Bytes data(24);
    put(data, device_path.size(), 8);
    put(data, device_path);
    return data;
}

Bytes tag(const std::uint32_t id) {
    Bytes data;
    put(data, id, 4);
    put(data, 0, 4);
    return data;
}

/// A machine that systemd-boot has started; its partition is `disk`.
class NextBootTest : public testing::Test {
  protected:
    NextBootTest() {
        disk["/EFI/BOOT/BOOTX64.EFI"] = pe_file("pe32.efi");
        disk["/lab/vmlinuz-1"] = pe_file("kernel-old.efi");
        disk["/lab/vmlinuz-2"] = pe_file("kernel-new.efi");
        disk["/lab/initrd-1"] = "first";
        disk["/lab/initrd-2"] = "the second one";
        disk["/EFI/Linux/1.efi"] = pe_file("uki-old.efi");
        disk["/EFI/Linux/2.efi"] = pe_file("uki-new.efi");
        facts.systemd_boot = "252.39-1";
        facts.read = [this](const BootPlace& place) -> std::optional<NamedFile> {
            for (const auto& [path, contents] : disk) {
                if (is_same_path(path, place.path)) {
                    return NamedFile{.name = path, .contents = contents};
                }
            }
            return std::nullopt;
        };
        facts.entries = {entry("1.conf", "/lab/vmlinuz-1", {"/lab/initrd-1"}, "quiet"),
                         entry("2.conf", "/lab/vmlinuz-2", {"/lab/initrd-2"}, "debug")};
        facts.entries[0].is_selected = true;
        facts.entries[1].is_default = true;
    }

    static BootEntry entry(const std::string& id, const std::string& image,
                           const std::vector<std::string>& initrds, const std::string& options) {
        BootEntry entry;
        entry.id = id;
        entry.image = image;
        entry.initrds = initrds;
        entry.options = options;
        return entry;
    }

    void next_is(const std::size_t at) {
        for (BootEntry& each : facts.entries) {
            each.is_default = &each == &facts.entries[at];
        }
    }

    void add_image(AgileLog& log, const std::string& path, const std::string& contents,
                   const bool has_partition = true) const {
        log.add(4, EventType::boot_services_application, bytes_of("in place of the digest"),
                image_event(path, has_partition));
        const Bytes value = PeImage::parse(as_bytes(contents)).value().authenticode(sha256_bank);
        const Bytes wrong = digest(sha256_bank, {bytes_of("in place of the digest")});
        const auto at = std::ranges::search(log.bytes, wrong);
        std::ranges::copy(value, at.begin());
    }

    /// The events of a boot with these files.
    AgileLog booted(const std::string& kernel, const std::string& initrd, const std::string& line) const {
        AgileLog log{{sha256_bank}};
        add_image(log, "\\EFI\\BOOT\\BOOTX64.EFI", pe_file("pe32.efi"));
        add_image(log, kernel.empty() ? "\\lab\\vmlinuz-1" : "\\lab\\vmlinuz-2",
                  pe_file(kernel.empty() ? "kernel-old.efi" : kernel));
        log.add(12, EventType::ipl, wide_with_nul(line));
        log.add(9, EventType::event_tag, wide_with_nul(line), tag(linux_options_tag));
        log.add(9, EventType::event_tag, bytes_of(initrd), tag(linux_initrd_tag));
        return log;
    }

    AgileLog first_boot() const { return booted("", "first", "initrd=\\lab\\initrd-1 quiet"); }

    AgileLog unified_boot() const {
        AgileLog log{{sha256_bank}};
        const std::string contents = pe_file("uki-old.efi");
        const PeImage image = PeImage::parse(as_bytes(contents)).value();
        add_image(log, "\\EFI\\BOOT\\BOOTX64.EFI", pe_file("pe32.efi"));
        add_image(log, "\\EFI\\Linux\\1.efi", contents);
        const Bytes kernel = image.section(".linux").value();
        add_image(log, "", std::string{reinterpret_cast<const char*>(kernel.data()), kernel.size()});
        for (const std::string_view name : {".linux", ".osrel", ".cmdline", ".initrd"}) {
            log.add(11, EventType::ipl, bytes_of(std::string{name} + '\0'), bytes_of(name));
            log.add(11, EventType::ipl, image.section(name).value(), bytes_of(name));
        }
        log.add(12, EventType::ipl, wide_with_nul(command_line_for_kernel(image)));
        return log;
    }

    /// Firmware that starts a program of its own, shim, and what shim starts, which it does not name a
    /// partition of; then the kernel, which shim verifies for the boot loader, so that it is there twice.
    AgileLog boot_with_shim(const std::string& shim, const std::string& loader,
                            const std::string& kernel) const {
        AgileLog log{{sha256_bank}};
        add_image(log, "\\EFI\\vendor\\logo.efi", pe_file("pe32.efi"));
        add_image(log, "\\EFI\\debian\\shimx64.efi", pe_file(shim));
        log.add(14, EventType::ipl, bytes_of("keys"), bytes_of("MokList"));
        add_image(log, "\\EFI\\debian\\grubx64.efi", pe_file(loader), false);
        add_image(log, "", pe_file(kernel));
        add_image(log, "\\lab\\vmlinuz-1", pe_file(kernel));
        log.add(12, EventType::ipl, wide_with_nul("initrd=\\lab\\initrd-1 quiet"));
        log.add(9, EventType::event_tag, wide_with_nul("initrd=\\lab\\initrd-1 quiet"),
                tag(linux_options_tag));
        log.add(9, EventType::event_tag, bytes_of("first"), tag(linux_initrd_tag));
        return log;
    }

    AgileLog shim_boot() {
        disk["/EFI/vendor/logo.efi"] = pe_file("pe32.efi");
        disk["/EFI/debian/shimx64.efi"] = pe_file("trailer.efi");
        disk["/EFI/debian/grubx64.efi"] = pe_file("uki-other-stub.efi");
        next_is(0);
        return boot_with_shim("trailer.efi", "uki-other-stub.efi", "kernel-old.efi");
    }

    AgileLog grub_boot(const std::string& kernel) const {
        AgileLog log{{sha256_bank}};
        log.add(7, EventType::variable_authority, bytes_of("whoever verifies"));
        add_image(log, "\\EFI\\BOOT\\BOOTX64.EFI", pe_file("pe32.efi"));
        log.add(8, EventType::ipl, bytes_of("set timeout=5"), bytes_of("grub_cmd: set timeout=5"));
        log.add(9, EventType::ipl, bytes_of(pe_file(kernel)), bytes_of(std::string{"/boot/vmlinuz"} + '\0'));
        add_image(log, "", pe_file(kernel));
        return log;
    }

    std::map<unsigned, std::string> spoilt_by(const AgileLog& log) {
        parsed = log.parsed();
        Forecast forecast{parsed, sha256_bank};
        apply_next_boot(forecast, facts);
        std::map<unsigned, std::string> messages;
        for (const auto& [pcr, problem] : forecast.spoilt()) {
            messages.emplace(pcr, problem.message);
        }
        return messages;
    }

    /// The next boot is predicted to have the PCRs of that one.
    void expect_same(const AgileLog& log, const AgileLog& next) {
        parsed = log.parsed();
        Forecast forecast{parsed, sha256_bank};
        apply_next_boot(forecast, facts);
        EXPECT_TRUE(forecast.spoilt().empty()) << forecast.spoilt().begin()->second.message;
        const PcrValues expected = replay(next.parsed(), sha256_bank);
        for (const auto& [pcr, value] : expected) {
            EXPECT_EQ(forecast.value(pcr), value) << "PCR " << pcr;
        }
    }

    std::map<std::string, std::string> disk;
    BootFacts facts;
    EventLog parsed;
};

} // namespace

TEST_F(NextBootTest, NothingChangesWhenNothingHasChanged) {
    next_is(0);
    expect_same(first_boot(), first_boot());
}

TEST_F(NextBootTest, AnotherEntryBringsItsKernelInitrdAndCommandLine) {
    expect_same(first_boot(), booted("kernel-new.efi", "the second one", "initrd=\\lab\\initrd-2 debug"));
}

TEST_F(NextBootTest, AnInitrdThatWasOverwrittenIsMeasuredAsItIsNow) {
    next_is(0);
    disk["/lab/initrd-1"] = "made again";
    expect_same(first_boot(), booted("", "made again", "initrd=\\lab\\initrd-1 quiet"));
}

TEST_F(NextBootTest, HowAnUnknownLoaderPadsAnOverwrittenInitrdIsNotGuessed) {
    next_is(0);
    facts.systemd_boot = "300";
    disk["/lab/initrd-1"] = "made again";
    EXPECT_THAT(spoilt_by(first_boot()).at(9), HasSubstr("in which form"));
    disk["/lab/initrd-1"] = "made again!!";
    EXPECT_TRUE(spoilt_by(first_boot()).empty());
}

TEST_F(NextBootTest, TheOldInitrdTellsWhetherTheLoaderPads) {
    facts.systemd_boot = "300";
    const AgileLog log = booted("", std::string{"first\0\0\0", 8}, "initrd=\\lab\\initrd-1 quiet");
    expect_same(
        log, booted("kernel-new.efi", std::string{"the second one\0\0", 16}, "initrd=\\lab\\initrd-2 debug"));
}

TEST_F(NextBootTest, TwoInitrdsAreMeasuredAsOne) {
    facts.entries[1].initrds.emplace_back("/lab/initrd-1");
    expect_same(first_boot(), booted("kernel-new.efi", "the second onefirst",
                                     "initrd=\\lab\\initrd-2 initrd=\\lab\\initrd-1 debug"));
}

TEST_F(NextBootTest, ABootLoaderThatWasReplacedIsFoundWhateverTheCaseOfItsPath) {
    next_is(0);
    disk.erase("/EFI/BOOT/BOOTX64.EFI");
    disk["/efi/boot/bootx64.efi"] = pe_file("trailer.efi");
    parsed = first_boot().parsed();
    Forecast forecast{parsed, sha256_bank};
    apply_next_boot(forecast, facts);
    Bytes value(digest_size(sha256_bank));
    for (const char* const name : {"trailer.efi", "kernel-old.efi"}) {
        const std::string contents = pe_file(name);
        value = extended(sha256_bank, value,
                         PeImage::parse(as_bytes(contents)).value().authenticode(sha256_bank));
    }
    EXPECT_EQ(forecast.value(4), value);
    EXPECT_TRUE(forecast.spoilt().empty());
}

TEST_F(NextBootTest, AnImageThatIsGoneSpoilsItsPcr) {
    next_is(0);
    disk.erase("/EFI/BOOT/BOOTX64.EFI");
    EXPECT_THAT(spoilt_by(first_boot()).at(4), HasSubstr("not on a mounted boot partition"));
    disk.erase("/lab/vmlinuz-1");
    EXPECT_THAT(spoilt_by(first_boot()).at(9), HasSubstr("/lab/vmlinuz-1, which does not exist"));
}

TEST_F(NextBootTest, WithoutADefaultEntryNothingIsGuessed) {
    facts.entries[1].is_default = false;
    const auto spoilt = spoilt_by(first_boot());
    for (const unsigned pcr : {4U, 9U, 11U, 12U}) {
        EXPECT_THAT(spoilt.at(pcr), HasSubstr("does not mark the boot entry that the next boot uses"));
    }
}

TEST_F(NextBootTest, ALineThatSystemdBootWouldMakeOtherwiseIsNotGuessed) {
    const auto spoilt = spoilt_by(booted("", "first", "something else"));
    EXPECT_THAT(spoilt.at(12), HasSubstr("not the one that systemd-boot makes from"));
    EXPECT_TRUE(spoilt.contains(9));
}

TEST_F(NextBootTest, ALineThatWasTypedIntoTheMenuDoesNotStay) {
    next_is(0);
    expect_same(booted("", "first", "initrd=\\lab\\initrd-1 single"), first_boot());
}

TEST_F(NextBootTest, GrubsChoiceIsNotGuessed) {
    AgileLog log = first_boot();
    log.add(8, EventType::ipl, bytes_of("set timeout=5"), bytes_of("grub_cmd: set timeout=5"));
    facts.systemd_boot.reset();
    facts.entries.clear();
    const auto spoilt = spoilt_by(log);
    EXPECT_THAT(spoilt.at(8), HasSubstr("GRUB"));
    EXPECT_THAT(spoilt.at(9), HasSubstr("GRUB"));
}

TEST_F(NextBootTest, WhatShimStartsIsLookedAtOnItsPartition) {
    const AgileLog log = shim_boot();
    expect_same(log, log);
    disk["/EFI/debian/grubx64.efi"] = pe_file("uki-new.efi");
    expect_same(log, boot_with_shim("trailer.efi", "uki-new.efi", "kernel-old.efi"));
    disk.erase("/EFI/debian/grubx64.efi");
    for (const unsigned pcr : {4U, 9U, 12U}) {
        EXPECT_THAT(spoilt_by(log).at(pcr), HasSubstr("\\EFI\\debian\\grubx64.efi"));
    }
    EXPECT_FALSE(spoilt_by(log).contains(14)); // shim is there
    disk.erase("/EFI/debian/shimx64.efi");
    EXPECT_THAT(spoilt_by(log).at(14), HasSubstr("\\EFI\\debian\\shimx64.efi"));
}

TEST_F(NextBootTest, AnImageThatIsMeasuredTwiceIsReplacedTwice) {
    const AgileLog log = shim_boot();
    disk["/lab/vmlinuz-1"] = pe_file("kernel-new.efi");
    expect_same(log, boot_with_shim("trailer.efi", "uki-other-stub.efi", "kernel-new.efi"));
}

TEST_F(NextBootTest, AnotherShimMeasuresWhatNobodyKnowsWhereverItIsInTheChain) {
    const AgileLog log = shim_boot();
    disk["/EFI/debian/shimx64.efi"] = pe_file("pe32.efi");
    const auto spoilt = spoilt_by(log);
    EXPECT_THAT(spoilt.at(7), HasSubstr("shim was replaced"));
    EXPECT_THAT(spoilt.at(14), HasSubstr("shim was replaced"));
}

TEST_F(NextBootTest, Pcr7StaysForAnImageThatTheSameCertificateVerifies) {
    const auto authority = [](AgileLog& log, const char* const list) {
        const Signature signature = signatures_of(as_bytes(test::pe_file(list))).value().front();
        log.add(7, EventType::variable_authority,
                to_bytes({.guid = image_security_database(),
                          .name = test::wide("db"),
                          .contents = signature.measured_form()}));
    };
    const auto why = [&](const std::vector<const char*>& before, const std::vector<const char*>& own,
                         const std::string& next) {
        AgileLog log{{sha256_bank}};
        for (const char* const list : before) {
            authority(log, list);
        }
        add_image(log, "\\EFI\\first.efi", pe_file("pe32.efi"));
        for (const char* const list : own) {
            authority(log, list);
        }
        add_image(log, "\\EFI\\second.efi", pe_file("trailer.efi"));
        disk["/EFI/first.efi"] = pe_file("pe32.efi");
        disk["/EFI/second.efi"] = pe_file(next);
        facts.entries.clear();
        facts.systemd_boot.reset();
        parsed = log.parsed();
        Forecast forecast{parsed, sha256_bank};
        check_authority(forecast, parsed.events.back(),
                        PeImage::parse(as_bytes(disk["/EFI/second.efi"])).value());
        const auto found = forecast.spoilt().find(7);
        return found == forecast.spoilt().end() ? std::string{} : found->second.message;
    };
    EXPECT_EQ(why({}, {}, "kernel-signed.efi"), ""); // Secure Boot is off
    EXPECT_EQ(why({}, {"one.esl"}, "kernel-signed.efi"), "");
    EXPECT_EQ(why({"one.esl"}, {}, "kernel-signed.efi"), "");
    EXPECT_EQ(why({"one.esl"}, {"one.esl"}, "kernel-signed.efi"), "");
    EXPECT_THAT(why({}, {"two.esl"}, "kernel-signed.efi"), HasSubstr("other certificates"));
    EXPECT_THAT(why({"two.esl"}, {}, "kernel-signed.efi"), HasSubstr("other certificates"));
    // The event of its own would not be there any more.
    EXPECT_THAT(why({"one.esl"}, {"two.esl"}, "kernel-signed.efi"), HasSubstr("other certificates"));
    EXPECT_THAT(why({}, {"one.esl"}, "kernel-new.efi"), HasSubstr("not signed"));
}

TEST_F(NextBootTest, APartitionTableIsComparedWithTheDisks) {
    AgileLog log = first_boot();
    next_is(0);
    Bytes table(92, std::byte{7});
    Bytes data = table;
    put(data, 0, 8);
    log.add(5, EventType::gpt, data, data);
    EXPECT_TRUE(spoilt_by(log).empty());
    facts.partition_tables = [&table] { return std::vector{Bytes(92), table}; };
    EXPECT_TRUE(spoilt_by(log).empty());
    table.back() = std::byte{8};
    EXPECT_THAT(spoilt_by(log).at(5), HasSubstr("partition table"));
}

TEST_F(NextBootTest, AnImageFromNowhereMayBeAnotherOne) {
    AgileLog log = first_boot();
    next_is(0);
    add_image(log, "", pe_file("uki-new.efi"));
    EXPECT_THAT(spoilt_by(log).at(4), HasSubstr("comes from is not known"));
}

TEST_F(NextBootTest, WhicheverKernelGrubStartsItsSignaturesAreCompared) {
    facts.systemd_boot.reset();
    facts.entries.clear();
    facts.grub.emplace();
    facts.grub->images = std::unexpected{Problem{"not known"}};
    const AgileLog log = grub_boot("kernel-signed.efi");
    const auto with = [&](const std::vector<std::string>& names) {
        facts.kernels = [names] {
            std::vector<NamedFile> files;
            for (const std::string& name : names) {
                files.push_back(test::named_pe_file(name));
            }
            return files;
        };
        return spoilt_by(log);
    };
    EXPECT_FALSE(with({"kernel-signed.efi"}).contains(7));
    EXPECT_THAT(with({"kernel-signed.efi", "kernel-old.efi"}).at(7),
                HasSubstr("kernel-old.efi is signed with"));
    EXPECT_THAT(with({"kernel-old.efi"}).at(7), HasSubstr("that of this boot is not in /boot"));
    facts.kernels = nullptr;
    EXPECT_TRUE(spoilt_by(log).contains(7));
}

/// The variables of a firmware, as they are now, and as they were measured.
class VariablesTest : public testing::Test {
  protected:
    static constexpr const char* global = "8be4df61-93ca-11d2-aa0d-00e098032b8c";

    VariablesTest() {
        add(1, EventType::variable_boot, "BootOrder", std::string("\2\0\1\0", 4));
        add(1, EventType::variable_boot, "Boot0002", "shim");
        add(1, EventType::variable_boot, "Boot0001", "another");
        add(7, EventType::variable_driver_config, "SecureBoot", "\1");
        add(7, EventType::variable_driver_config, "db", test::pe_file("one.esl"));
        now["BootCurrent"] = std::string("\2\0", 2);
    }

    void add(const unsigned pcr, const EventType type, const std::string& name, const std::string& contents) {
        const Guid vendor = name == "db" ? image_security_database() : guid_of(global);
        log.add(pcr, type,
                to_bytes({.guid = vendor, .name = test::wide(name), .contents = bytes_of(contents)}));
        now[name] = contents;
    }

    Forecast look() {
        parsed = log.parsed();
        Forecast forecast{parsed, sha256_bank};
        apply_variables(
            forecast,
            [this](const std::string& name, const std::string&) -> std::optional<Bytes> {
                const auto found = now.find(name);
                return found == now.end() ? std::nullopt : std::optional{bytes_of(found->second)};
            },
            [this](const std::string&, const std::string&) { return program; });
        return forecast;
    }

    AgileLog log{{sha256_bank}};
    std::optional<Bytes> program; ///< the digest of whatever an entry starts
    std::map<std::string, std::string> now;
    EventLog parsed;
};

TEST_F(VariablesTest, ThoseThatAreAsTheyWereChangeNothing) {
    EXPECT_TRUE(look().spoilt().empty());
}

TEST_F(VariablesTest, ABootOrderThatChangesBehindThisBootIsOnlyPcr1) {
    now["BootOrder"] = std::string("\2\0\3\0", 4);
    const Forecast forecast = look();
    EXPECT_THAT(forecast.spoilt().at(1).message, HasSubstr("BootOrder"));
    EXPECT_EQ(forecast.spoilt().size(), 1U);
}

TEST_F(VariablesTest, WhatMayStartSomethingElseIsNotGuessed) {
    const auto spoilt = [this](const std::string& name, const std::string& contents) {
        const auto before = now;
        now[name] = contents;
        const auto all = look().spoilt();
        now = before;
        return all;
    };
    for (const unsigned pcr : {4U, 7U, 8U, 9U, 11U, 14U}) {
        EXPECT_THAT(spoilt("BootOrder", std::string("\1\0\2\0", 4)).at(pcr).message, HasSubstr("boot order"));
        EXPECT_THAT(spoilt("BootNext", std::string("\1\0", 2)).at(pcr).message, HasSubstr("Boot0001"));
        EXPECT_THAT(spoilt("Boot0002", "another file").at(pcr).message, HasSubstr("Boot0002"));
        EXPECT_THAT(spoilt("OsIndications", std::string("\1\0\0\0\0\0\0\0", 8)).at(pcr).message,
                    HasSubstr("OsIndications"));
    }
    const auto mok = spoilt("MokNew", "x");
    EXPECT_TRUE(mok.contains(14) && mok.contains(7) && mok.contains(4));
}

TEST_F(VariablesTest, AnotherEntryThatStartsTheSameProgramIsOnlyPcr1) {
    const Bytes image = image_event("\\EFI\\BOOT\\BOOTX64.EFI");
    log.add(4, EventType::boot_services_application, bytes_of("program"), image);
    constexpr std::size_t before_path = 32; // location, length, link-time address, size of the path
    Bytes option;
    put(option, 1, 4);
    put(option, image.size() - before_path, 2);
    put(option, wide_with_nul("Linux Boot Manager"));
    put(option, BytesView{image}.subspan(before_path));
    now["Boot0003"] = std::string{reinterpret_cast<const char*>(option.data()), option.size()};
    now["BootOrder"] = std::string("\3\0\2\0\1\0", 6);
    EXPECT_TRUE(look().spoilt().contains(4));
    program = digest(sha256_bank, {bytes_of("program")});
    const Forecast forecast = look();
    EXPECT_TRUE(forecast.spoilt().contains(1));
    EXPECT_EQ(forecast.spoilt().size(), 1U);
}

TEST_F(VariablesTest, DatabasesAreMeasuredAsTheyAreNow) {
    now["db"] += test::pe_file("two.esl");
    const Forecast forecast = look();
    EXPECT_TRUE(forecast.spoilt().empty());
    AgileLog next{{sha256_bank}};
    next.add(
        7, EventType::variable_driver_config,
        to_bytes({.guid = guid_of(global), .name = test::wide("SecureBoot"), .contents = bytes_of("\1")}));
    next.add(
        7, EventType::variable_driver_config,
        to_bytes(
            {.guid = image_security_database(), .name = test::wide("db"), .contents = bytes_of(now["db"])}));
    EXPECT_EQ(forecast.value(7), replay(next.parsed(), sha256_bank).at(7));
    now["db"] = "garbage";
    EXPECT_TRUE(look().spoilt().contains(7));
}

TEST_F(NextBootTest, WithoutUefiItIsUnavailable) {
    AgileLog log{{sha256_bank}};
    log.add(4, EventType::ipl, bytes_of("a boot sector"));
    EXPECT_EQ(test::reason_of([&] { spoilt_by(log); }), Reason::unavailable);
}

TEST_F(NextBootTest, AUnifiedImageBringsItsSections) {
    facts.entries = {entry("1.efi", "/EFI/Linux/1.efi", {}, "quiet"),
                     entry("2.efi", "/EFI/Linux/2.efi", {}, "debug")};
    facts.entries[0].is_selected = true;
    next_is(1);
    // Overwritten in place, or beside the old one: the same is measured, as far as that can be found out.
    parsed = unified_boot().parsed();
    Forecast beside{parsed, sha256_bank};
    apply_next_boot(beside, facts);
    EXPECT_FALSE(beside.spoilt().contains(4));
    EXPECT_FALSE(beside.spoilt().contains(11));
    next_is(0);
    disk["/EFI/Linux/1.efi"] = disk["/EFI/Linux/2.efi"];
    Forecast overwritten{parsed, sha256_bank};
    apply_next_boot(overwritten, facts);
    EXPECT_FALSE(overwritten.spoilt().contains(11));
    EXPECT_EQ(overwritten.value(4), beside.value(4));
    EXPECT_EQ(overwritten.value(11), beside.value(11));
    EXPECT_NE(overwritten.value(11), replay(parsed, sha256_bank).at(11));
}

TEST_F(NextBootTest, AUnifiedImageInPlaceOfAKernelIsNotGuessed) {
    facts.entries[1] = entry("2.efi", "/EFI/Linux/2.efi", {}, "debug");
    next_is(1);
    const auto spoilt = spoilt_by(first_boot());
    EXPECT_THAT(spoilt.at(11), HasSubstr("unified kernel image takes the place"));
    EXPECT_TRUE(spoilt.contains(4));
}

// What bootctl prints of these entries: version 252 (objects, marks only for people) and later ones (a list).
TEST(BootEntriesTest, BothFormsOfTheListAreRead) {
    const std::string one =
        R"x({"id":"a.conf","path":"/efi/loader/entries/a.conf","root":"/efi","title":"A","showTitle":"A (1)",)x"
        R"x("options":"x=1 y","linux":"/lab/vmlinuz","initrd":["/lab/ucode","/lab/initrd"]})x";
    const std::string two = R"({"id":"b.conf","root":"/efi","showTitle":"B","efi":"/EFI/b.efi"})";
    const auto of_252 = read_boot_entries(one + "\n" + two + "\n",
                                          "         title: A (1) (default)\n            id: a.conf\n\n"
                                          "         title: B (selected)\n            id: b.conf\n");
    ASSERT_EQ(of_252.size(), 2U);
    EXPECT_TRUE(of_252[0].is_default);
    EXPECT_FALSE(of_252[0].is_selected);
    EXPECT_TRUE(of_252[1].is_selected);
    EXPECT_EQ(of_252[0].command_line(), "initrd=\\lab\\ucode initrd=\\lab\\initrd x=1 y");
    EXPECT_EQ(of_252[1].image, "/EFI/b.efi");
    EXPECT_EQ(of_252[1].command_line(), "");
    const auto newer = read_boot_entries(
        "[" + one.substr(0, one.size() - 1) + R"(,"isDefault":false,"isSelected":true},)" +
            two.substr(0, two.size() - 1) + R"(,"isDefault":true},{"id":"auto-reboot"}])" + "\n",
        "");
    ASSERT_EQ(newer.size(), 2U);
    EXPECT_TRUE(newer[0].is_selected);
    EXPECT_TRUE(newer[1].is_default);
}

TEST(BootEntriesTest, WhatIsNoListIsBadData) {
    for (const char* const text : {"{", "[1]", R"({"id":7})", R"([{"initrd":[1]}])"}) {
        EXPECT_EQ(test::reason_of([&] { (void)read_boot_entries(text, ""); }), Reason::bad_data) << text;
    }
}

TEST(BootImagesTest, PartitionAndPathAreThoseOfTheDevicePath) {
    AgileLog log{{sha256_bank}};
    log.add(4, EventType::boot_services_application, bytes_of("x"), image_event("\\EFI\\BOOT\\BOOTX64.EFI"));
    log.add(4, EventType::boot_services_application, bytes_of("x"), image_event(""));
    log.add(4, EventType::boot_services_application, bytes_of("x"), bytes_of("short"));
    const EventLog parsed = log.parsed();
    const auto images = boot_images(parsed);
    ASSERT_EQ(images.size(), 3U);
    EXPECT_EQ(images[0].path, "\\EFI\\BOOT\\BOOTX64.EFI");
    EXPECT_EQ(images[0].partition.size(), 36U);
    EXPECT_EQ(images[1].path, "");
    EXPECT_EQ(images[2].path, "");
}

} // namespace sealmount
