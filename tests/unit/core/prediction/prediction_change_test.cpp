// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/prediction/named_changes.hpp"
#include "core/prediction/prediction_command_line.hpp"
#include "core/prediction/prediction_secure_boot.hpp"

#include "core/events/efi_variable.hpp"
#include "unit/core/prediction/pe_vectors.hpp"
#include "unit/log_maker.hpp"
#include "unit/vectors.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sealmount {

using test::AgileLog;
using test::bytes_of;
using test::named_pe_file;
using test::sha256_bank;
using test::wide;
using test::wide_with_nul;
using testing::HasSubstr;

namespace {

const std::string old_line = "root=/dev/vda rw quiet";
const std::string new_line = "root=/dev/vda rw debug";

Bytes of_measured(const unsigned pcr, const std::vector<Bytes>& measured) {
    Bytes value = initial_pcr_value(pcr, sha256_bank, 0);
    for (const Bytes& bytes : measured) {
        value = extended(sha256_bank, value, digest(sha256_bank, {bytes}));
    }
    return value;
}

Bytes options_tag() {
    Bytes data;
    test::put(data, linux_options_tag, 4);
    test::put(data, 0, 4);
    return data;
}

void add_grub(AgileLog& log, const std::string& prefix, const std::string& text) {
    log.add(8, EventType::ipl, bytes_of(text), bytes_of(prefix + text + '\0'));
}

Bytes variable(const std::string& name, const BytesView contents, const bool of_images) {
    return to_bytes(
        {.guid = of_images ? image_security_database() : guid_of("8be4df61-93ca-11d2-aa0d-00e098032b8c"),
         .name = wide(name),
         .contents = {contents.begin(), contents.end()}});
}

Bytes authority(const std::string& list) {
    const Signature signature = signatures_of(as_bytes(named_pe_file(list).contents)).value().front();
    return variable("db", signature.measured_form(), true);
}

const std::string on(1, '\1');
const std::string off(1, '\0');

/// PCR 7 of a firmware: Secure Boot and db, then the separator, then who verified what.
AgileLog secure_boot_log(const std::string& secure_boot, const std::string& db,
                         const std::vector<Bytes>& behind) {
    AgileLog log{{sha256_bank}};
    log.add(7, EventType::variable_driver_config, variable("SecureBoot", as_bytes(secure_boot), false));
    log.add(7, EventType::variable_driver_config, variable("db", as_bytes(db), true));
    log.add(7, EventType::separator, Bytes(4));
    for (const Bytes& data : behind) {
        log.add(7, EventType::variable_authority, data);
    }
    return log;
}

Bytes secure_boot_value(const std::string& secure_boot, const std::string& db,
                        const std::vector<Bytes>& behind) {
    std::vector<Bytes> measured = {variable("SecureBoot", as_bytes(secure_boot), false),
                                   variable("db", as_bytes(db), true), Bytes(4)};
    measured.insert(measured.end(), behind.begin(), behind.end());
    return of_measured(7, measured);
}

Problem why_7(const Forecast& forecast) {
    const auto found = forecast.spoilt().find(7);
    return found == forecast.spoilt().end() ? Problem{} : found->second;
}

} // namespace

TEST(CommandLineTest, IsReplacedInEveryFormThatWasMeasured) {
    AgileLog log{{sha256_bank}};
    log.add(12, EventType::ipl, wide_with_nul(old_line));
    log.add(9, EventType::event_tag, wide(old_line), options_tag());
    const EventLog parsed = log.parsed();
    EXPECT_EQ(logged_command_lines(parsed, sha256_bank), std::vector{old_line});
    Forecast forecast{parsed, sha256_bank};
    replace_command_line(forecast, {old_line}, new_line);
    EXPECT_EQ(forecast.value(12), of_measured(12, {wide_with_nul(new_line)}));
    EXPECT_EQ(forecast.value(9), of_measured(9, {wide(new_line)}));
    EXPECT_TRUE(forecast.spoilt().empty());
}

TEST(CommandLineTest, GrubMeasuresItWithoutBootImage) {
    AgileLog log{{sha256_bank}};
    add_grub(log, "grub_cmd: ", "linux /vmlinuz root=/dev/vda rw quiet");
    add_grub(log, "kernel_cmdline: ", "/vmlinuz root=/dev/vda rw quiet");
    const EventLog parsed = log.parsed();
    EXPECT_EQ(logged_command_lines(parsed, sha256_bank),
              std::vector<std::string>{"/vmlinuz root=/dev/vda rw quiet"});
    Forecast forecast{parsed, sha256_bank};
    replace_command_line(forecast, {"BOOT_IMAGE=/vmlinuz " + old_line}, "BOOT_IMAGE=/vmlinuz " + new_line);
    EXPECT_EQ(forecast.value(8),
              of_measured(8, {bytes_of("linux /vmlinuz " + new_line), bytes_of("/vmlinuz " + new_line)}));
    EXPECT_TRUE(forecast.spoilt().empty());
}

TEST(CommandLineTest, GrubsNeedsTheKernelsPath) {
    AgileLog log{{sha256_bank}};
    add_grub(log, "kernel_cmdline: ", "/vmlinuz " + old_line);
    const EventLog parsed = log.parsed();
    Forecast forecast{parsed, sha256_bank};
    EXPECT_EQ(test::reason_of([&] { replace_command_line(forecast, {"/vmlinuz " + old_line}, new_line); }),
              Reason::usage);
    replace_command_line(forecast, {"/vmlinuz " + old_line}, "BOOT_IMAGE=/vmlinuz " + new_line);
    EXPECT_EQ(forecast.value(8), of_measured(8, {bytes_of("/vmlinuz " + new_line)}));
}

TEST(CommandLineTest, CommandThatHasItWithinIsNotGuessed) {
    AgileLog log{{sha256_bank}};
    add_grub(log, "grub_cmd: ", "menuentry Debian { linux /vmlinuz " + old_line + "\n}");
    add_grub(log, "kernel_cmdline: ", "/vmlinuz " + old_line);
    const EventLog parsed = log.parsed();
    Forecast forecast{parsed, sha256_bank};
    replace_command_line(forecast, {"/vmlinuz " + old_line}, "/vmlinuz " + new_line);
    ASSERT_TRUE(forecast.spoilt().contains(8));
    EXPECT_THAT(forecast.spoilt().at(8).message, HasSubstr("part of event 2"));
}

TEST(CommandLineTest, OneThatLinuxMeasuredOtherwiseIsNotGuessed) {
    AgileLog log{{sha256_bank}};
    log.add(12, EventType::ipl, wide_with_nul(old_line));
    log.add(9, EventType::event_tag, wide_with_nul("something else"), options_tag());
    const EventLog parsed = log.parsed();
    Forecast forecast{parsed, sha256_bank};
    replace_command_line(forecast, {old_line}, new_line);
    EXPECT_EQ(forecast.value(12), of_measured(12, {wide_with_nul(new_line)}));
    EXPECT_EQ(forecast.spoilt().at(9).advice, Advice{AdviceKind::give_old_command_line});
}

TEST(CommandLineTest, OneThatIsMeasuredNowhereIsAnError) {
    const EventLog parsed = AgileLog{{sha256_bank}}.add(12, EventType::ipl, wide_with_nul(old_line)).parsed();
    Forecast forecast{parsed, sha256_bank};
    EXPECT_EQ(test::reason_of([&] { replace_command_line(forecast, {"another"}, new_line); }),
              Reason::no_input);
}

TEST(SecureBootTest, TurnedOnWithKeysAndAuthority) {
    const EventLog parsed = secure_boot_log(off, "", {}).parsed();
    Forecast forecast{parsed, sha256_bank};
    const NamedFile db = named_pe_file("one.esl");
    apply(forecast, {.variables = {{"SecureBoot", {"f", on}}, {"db", db}},
                     .authorities = {named_pe_file("one.pem"), named_pe_file("one.pem")}});
    EXPECT_EQ(forecast.value(7), secure_boot_value(on, db.contents, {authority("one.esl")}));
    EXPECT_EQ(why_7(forecast), Problem{});
}

TEST(SecureBootTest, TurnedOnWithoutAuthorityIsNotGuessed) {
    const EventLog parsed = secure_boot_log(off, "", {}).parsed();
    Forecast forecast{parsed, sha256_bank};
    apply(forecast,
          {.variables = {{"SecureBoot", {"f", on}}, {"db", named_pe_file("one.esl")}}, .authorities = {}});
    EXPECT_EQ(why_7(forecast).advice, Advice{AdviceKind::give_authority});
}

TEST(SecureBootTest, AuthorityThatLeavesDbIsNotGuessed) {
    const EventLog parsed =
        secure_boot_log(on, named_pe_file("one.esl").contents, {authority("one.esl")}).parsed();
    Forecast stays{parsed, sha256_bank};
    NamedFile both = named_pe_file("one.esl");
    both.contents += named_pe_file("two.esl").contents;
    apply(stays, {.variables = {{"db", both}}, .authorities = {}});
    EXPECT_EQ(why_7(stays), Problem{});
    EXPECT_EQ(stays.value(7), secure_boot_value(on, both.contents, {authority("one.esl")}));
    Forecast leaves{parsed, sha256_bank};
    apply(leaves, {.variables = {{"db", named_pe_file("two.esl")}}, .authorities = {}});
    EXPECT_THAT(why_7(leaves).message, HasSubstr("removed from db"));
}

TEST(SecureBootTest, AuthorityIsReplacedInItsPlace) {
    const Bytes shim = variable("SbatLevel", bytes_of("sbat"), false);
    const EventLog parsed =
        secure_boot_log(on, named_pe_file("one.esl").contents, {authority("one.esl"), shim}).parsed();
    Forecast forecast{parsed, sha256_bank};
    const NamedFile db = named_pe_file("two.esl");
    apply(forecast, {.variables = {{"db", db}}, .authorities = {named_pe_file("two.pem")}});
    EXPECT_EQ(forecast.value(7), secure_boot_value(on, db.contents, {authority("two.esl"), shim}));
}

TEST(SecureBootTest, WhatCannotBeIsRefused) {
    const EventLog parsed =
        secure_boot_log(on, named_pe_file("one.esl").contents, {authority("one.esl")}).parsed();
    const auto error_of = [&](const SecureBootChange& change) {
        Forecast forecast{parsed, sha256_bank};
        return test::error_of([&] { apply(forecast, change); });
    };
    EXPECT_THAT(error_of({.variables = {{"dbt", {"/f", ""}}}, .authorities = {}}).what(),
                HasSubstr("the variable dbt is not measured anywhere"));
    EXPECT_THAT(error_of({.variables = {{"db", {"/f", "garbage"}}}, .authorities = {}}).what(),
                HasSubstr("/f: is not an EFI signature list"));
    EXPECT_THAT(error_of({.variables = {{"db", {"/f", "\x27\1\2\3" + named_pe_file("one.esl").contents}}},
                          .authorities = {}})
                    .what(),
                HasSubstr("attributes"));
    EXPECT_THAT(error_of({.variables = {}, .authorities = {named_pe_file("two.pem")}}).what(),
                HasSubstr("two.pem: is not in db"));
    EXPECT_THAT(error_of({.variables = {}, .authorities = {{"/f", "x"}}}).what(),
                HasSubstr("/f: is not a certificate"));
    EXPECT_EQ(error_of({.variables = {{"SecureBoot", {"f", off}}}, .authorities = {named_pe_file("one.pem")}})
                  .reason(),
              Reason::usage);
}

TEST(SecureBootTest, TheSameAuthorityChangesNothingBehindShimEither) {
    // Shim measures what it verifies itself once more, and old ones without the owner.
    const Signature signature = signatures_of(as_bytes(named_pe_file("one.esl").contents)).value().front();
    const Bytes raw = variable("db", signature.data, true);
    const EventLog parsed =
        secure_boot_log(on, named_pe_file("one.esl").contents, {authority("one.esl"), raw}).parsed();
    Forecast same{parsed, sha256_bank};
    apply(same, {.variables = {}, .authorities = {named_pe_file("one.pem")}});
    EXPECT_EQ(why_7(same), Problem{});
    EXPECT_EQ(same.value(7),
              secure_boot_value(on, named_pe_file("one.esl").contents, {authority("one.esl"), raw}));
    Forecast other{parsed, sha256_bank};
    apply(other,
          {.variables = {{"db", named_pe_file("two.esl")}}, .authorities = {named_pe_file("two.pem")}});
    EXPECT_THAT(why_7(other).message, HasSubstr("shim verifies images with db"));
    Forecast revoked{parsed, sha256_bank};
    NamedFile both = named_pe_file("one.esl");
    both.contents += named_pe_file("two.esl").contents;
    apply(revoked, {.variables = {{"db", both}}, .authorities = {}});
    EXPECT_EQ(why_7(revoked), Problem{});
}

TEST(CommandLineTest, OneInAUnifiedImageIsPartOfTheImage) {
    AgileLog log{{sha256_bank}};
    log.add(11, EventType::ipl, bytes_of(std::string{".cmdline"} + '\0'), bytes_of(".cmdline"));
    log.add(11, EventType::ipl, bytes_of(old_line), bytes_of(".cmdline"));
    log.add(12, EventType::ipl, wide_with_nul(old_line));
    const EventLog parsed = log.parsed();
    Forecast forecast{parsed, sha256_bank};
    replace_command_line(forecast, {old_line}, new_line);
    doubt_after_command_line(forecast);
    EXPECT_TRUE(forecast.spoilt().contains(4) && forecast.spoilt().contains(11));
}

TEST(GrubChangeTest, OneOfSeveralInitrdsIsNotAllThatTheKernelMeasures) {
    AgileLog log{{sha256_bank}};
    add_grub(log, "grub_cmd: ", "initrd /boot/early /boot/initrd");
    log.add(9, EventType::ipl, bytes_of("first"), bytes_of(std::string{"/boot/early"} + '\0'));
    log.add(9, EventType::ipl, bytes_of("second"), bytes_of(std::string{"/boot/initrd"} + '\0'));
    Bytes tag;
    test::put(tag, linux_initrd_tag, 4);
    test::put(tag, 0, 4);
    log.add(9, EventType::event_tag, bytes_of(std::string_view{"first\0\0\0second", 14}), tag);
    const EventLog parsed = log.parsed();
    Forecast forecast{parsed, sha256_bank};
    const NamedFile before{"/boot/initrd", "second"};
    const NamedFile after{"/new/initrd", "another"};
    replace_file(forecast, before, after);
    doubt_after_file(forecast, before, after);
    EXPECT_THAT(forecast.spoilt().at(9).message, HasSubstr("several initrds as one"));
    EXPECT_FALSE(forecast.spoilt().contains(8));
}

TEST(GrubChangeTest, WhatGrubMakesOfANamedChangeIsNotGuessed) {
    AgileLog log{{sha256_bank}};
    add_grub(log, "grub_cmd: ", "linux /boot/vmlinuz-1 quiet");
    const auto add_file = [&log](const std::string& name, const std::string& content) {
        log.add(9, EventType::ipl, bytes_of(content), bytes_of(name + '\0'));
    };
    add_file("(hd0,gpt2)/boot/grub/grub.cfg", "script");
    add_file("/boot/vmlinuz-1", "kernel");
    const EventLog parsed = log.parsed();
    const auto spoilt_by = [&](const NamedFile& before, const NamedFile& after) {
        Forecast forecast{parsed, sha256_bank};
        replace_file(forecast, before, after);
        doubt_after_file(forecast, before, after);
        return forecast.spoilt();
    };
    const auto script = spoilt_by({"/boot/grub/grub.cfg", "script"}, {"/boot/grub/grub.cfg.new", "other"});
    EXPECT_TRUE(script.contains(8) && script.contains(9));
    const auto kernel = spoilt_by({"/boot/vmlinuz-1", "kernel"}, {"/boot/vmlinuz-2", "other"});
    EXPECT_THAT(kernel.at(8).message, HasSubstr("measures the name of /boot/vmlinuz-1"));
    EXPECT_TRUE(kernel.contains(9));
    EXPECT_TRUE(spoilt_by({"/boot/vmlinuz-1", "kernel"}, {"/root/built", "other"}).contains(8));
    EXPECT_TRUE(spoilt_by({"/root/1", "kernel"}, {"/root/2", "other"}).contains(8));
    EXPECT_TRUE(spoilt_by({"/boot/vmlinuz-1", "kernel"}, {"/root/vmlinuz-1", "other"}).empty());
    Forecast forecast{parsed, sha256_bank};
    doubt_after_command_line(forecast);
    EXPECT_TRUE(forecast.spoilt().contains(8) && forecast.spoilt().contains(9));
}

} // namespace sealmount
