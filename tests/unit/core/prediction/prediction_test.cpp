// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/prediction/prediction.hpp"

#include "core/prediction/prediction_files.hpp"
#include "core/prediction/uki.hpp"
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
using test::text_of;
using test::unhex;
using test::wide_with_nul;
using testing::HasSubstr;

namespace {

/// Figures of other programs, see make_pe.py.
Bytes authenticode(const std::string& name) {
    for (const Json& vector : test::vectors("pe.json", "authenticode")) {
        if (text_of(vector, "file") == name && text_of(vector, "bank") == "sha256") {
            return unhex(text_of(vector, "digest"));
        }
    }
    throw std::logic_error{"no digest of " + name};
}

Bytes measured_pcr11(const std::string& name, const std::string& phases) {
    for (const Json& vector : test::vectors("pe.json", "pcr11")) {
        if (text_of(vector, "file") == name && text_of(vector, "phases") == phases) {
            return unhex(vector.at("values").at("sha256").get<std::string>());
        }
    }
    throw std::logic_error{"no PCR 11 of " + name};
}

Bytes of_digests(const std::vector<Bytes>& digests, const unsigned pcr = 4) {
    Bytes value = initial_pcr_value(pcr, sha256_bank, 0);
    for (const Bytes& digest : digests) {
        value = extended(sha256_bank, value, digest);
    }
    return value;
}

Bytes hash(const BytesView bytes) {
    return digest(sha256_bank, {bytes});
}

/// A log whose events may have any digest: the last one gets `value`.
void set_last_digest(AgileLog& log, const std::size_t data_size, const Bytes& value) {
    const auto at = log.bytes.end() - static_cast<std::ptrdiff_t>(data_size + 4 + value.size());
    std::ranges::copy(value, at);
}

AgileLog new_log() {
    return AgileLog{{sha256_bank}};
}

void add_image(AgileLog& log, const std::string& name) {
    log.add(4, EventType::boot_services_application, bytes_of("image"));
    set_last_digest(log, 5, authenticode(name));
}

/// What the firmware and systemd-stub measure of a UKI; the kernel's stub, too.
AgileLog uki_log(const std::string& name, const std::string& kernel) {
    AgileLog log = new_log();
    add_image(log, name);
    const NamedFile file = named_pe_file(name);
    const PeImage image = PeImage::parse(as_bytes(file.contents)).value();
    for (const char* const section : {".linux", ".osrel", ".cmdline", ".initrd", ".pcrpkey"}) {
        if (const auto contents = image.section(section)) {
            const std::string with_nul = section + std::string(1, '\0');
            log.add(11, EventType::ipl, as_bytes(with_nul), wide_with_nul(section));
            log.add(11, EventType::ipl, *contents, wide_with_nul(section));
        }
    }
    add_image(log, kernel);
    return log;
}

void add_tagged(AgileLog& log, const std::uint32_t tag, const BytesView measured) {
    Bytes data;
    test::put(data, tag, 4);
    test::put(data, 0, 4);
    log.add(9, EventType::event_tag, measured, data);
}

/// The prediction of one PCR; without `present` the log is believed.
std::expected<Bytes, Problem> next(const Forecast& forecast, const unsigned pcr,
                                   const std::optional<Bytes>& present = {},
                                   const MeasureLog* const systemd = nullptr,
                                   const std::optional<std::vector<std::string>>& phases = {}) {
    const PcrValues values = {{pcr, present.value_or(Bytes{})}};
    return predict(forecast, {forecast.log(), systemd, sha256_bank, present ? &values : nullptr},
                   PcrMask{1} << pcr, phases)
        .at(pcr);
}

MeasureLog systemd_log(const std::vector<std::pair<unsigned, std::string>>& events) {
    MeasureLog log{.file = "systemd.log", .events = {}};
    for (const auto& [pcr, word] : events) {
        MeasureEvent event;
        event.pcr = pcr;
        event.digests.emplace(sha256_bank, hash(as_bytes(word)));
        event.kind = pcr == uki_pcr ? "phase" : "machine-id";
        event.string = word;
        log.events.push_back(event);
    }
    return log;
}

} // namespace

TEST(PredictionTest, UnchangedPcrStaysAsItIs) {
    AgileLog log = new_log();
    log.add(4, EventType::separator, bytes_of("a"));
    const EventLog parsed = log.parsed();
    const Forecast forecast{parsed, sha256_bank};
    const Bytes now = of_digests({hash(bytes_of("a"))});
    EXPECT_EQ(next(forecast, 4, now).value(), now);
    EXPECT_EQ(next(forecast, 5, Bytes(32)).value(), Bytes(32));
}

TEST(PredictionTest, UnexplainedPcrIsNotPredicted) {
    AgileLog log = new_log();
    const EventLog parsed = log.add(4, EventType::separator, bytes_of("a")).parsed();
    const Forecast forecast{parsed, sha256_bank};
    EXPECT_THAT(next(forecast, 4, Bytes(32)).error().message,
                HasSubstr("does not explain its present value"));
    EXPECT_THAT(next(forecast, 10, Bytes(32, std::byte{1})).error().message, HasSubstr("IMA"));
}

TEST(PredictionTest, BankThatTheLogLacksIsAnError) {
    const EventLog parsed = new_log().add(4, EventType::separator, bytes_of("a")).parsed();
    EXPECT_EQ(test::reason_of([&] { Forecast{parsed, PcrBank::sha384}; }), Reason::unavailable);
}

TEST(PredictionTest, FileIsReplacedByItsFlatDigest) {
    AgileLog log = new_log();
    log.add(9, EventType::ipl, bytes_of("old initrd"), bytes_of("/initrd"));
    add_tagged(log, linux_initrd_tag, bytes_of(std::string_view{"old initrd\0\0", 12}));
    const EventLog parsed = log.parsed();
    Forecast forecast{parsed, sha256_bank};
    replace_file(forecast, {"old", "old initrd"}, {"new", "new"});
    EXPECT_EQ(next(forecast, 9).value(),
              of_digests({hash(bytes_of("new")), hash(bytes_of(std::string_view{"new\0", 4}))}, 9));
}

TEST(PredictionTest, ImageIsReplacedByItsAuthenticodeDigest) {
    AgileLog log = new_log();
    add_image(log, "kernel-old.efi");
    const EventLog parsed = log.parsed();
    Forecast forecast{parsed, sha256_bank};
    replace_file(forecast, named_pe_file("kernel-old.efi"), named_pe_file("kernel-new.efi"));
    EXPECT_EQ(next(forecast, 4, of_digests({authenticode("kernel-old.efi")})).value(),
              of_digests({authenticode("kernel-new.efi")}));
}

TEST(PredictionTest, FileThatIsMeasuredNowhereIsAnErrorThatNamesIt) {
    const EventLog parsed = new_log().add(4, EventType::separator, bytes_of("a")).parsed();
    Forecast forecast{parsed, sha256_bank};
    const Error error = test::error_of([&] {
        replace_file(forecast, {"/boot/old", "x"}, {"/boot/new", "y"});
    });
    EXPECT_EQ(error.reason(), Reason::no_input);
    EXPECT_THAT(error.what(), HasSubstr("/boot/old: is not measured anywhere"));
    EXPECT_THAT(test::message_of([&] {
                    replace_file(forecast, named_pe_file("kernel-old.efi"), {"/boot/new", "y"});
                }),
                HasSubstr("/boot/new: is not an EFI program"));
}

TEST(PredictionTest, UnsignedImageUnderSecureBootSpoilsPcr7) {
    AgileLog log = new_log();
    log.add(7, EventType::variable_authority, bytes_of("certificate"));
    add_image(log, "kernel-signed.efi");
    const EventLog parsed = log.parsed();
    Forecast forecast{parsed, sha256_bank};
    replace_file(forecast, named_pe_file("kernel-signed.efi"), named_pe_file("kernel-new.efi"));
    EXPECT_THAT(next(forecast, 7).error().message, HasSubstr("is not signed"));
    EXPECT_TRUE(next(forecast, 4).has_value());
}

TEST(PredictionTest, ImageWithOtherCertificatesSpoilsPcr7) {
    const NamedFile file = named_pe_file("kernel-signed.efi");
    EXPECT_EQ(PeImage::parse(as_bytes(file.contents)).value().certificates().size(), 1U);
    AgileLog log = new_log();
    log.add(7, EventType::variable_authority, bytes_of("certificate"));
    add_image(log, "kernel-old.efi");
    const EventLog parsed = log.parsed();
    Forecast forecast{parsed, sha256_bank};
    replace_file(forecast, named_pe_file("kernel-old.efi"), file);
    EXPECT_EQ(next(forecast, 7).error().advice, Advice{AdviceKind::give_authority});
    Forecast same{parsed, sha256_bank};
    replace_file(same, file, file);
    EXPECT_TRUE(next(same, 7).has_value());
}

TEST(PredictionTest, UkiChangesPcr4And11AsOtherProgramsSay) {
    const EventLog parsed = uki_log("uki-old.efi", "kernel-old.efi").parsed();
    Forecast forecast{parsed, sha256_bank};
    replace_file(forecast, named_pe_file("uki-old.efi"), named_pe_file("uki-new.efi"));
    EXPECT_EQ(next(forecast, 4).value(),
              of_digests({authenticode("uki-new.efi"), authenticode("kernel-new.efi")}));
    // systemd 252 writes no log: its words are found by trying. Now it is further than at the unlock.
    Bytes now = measured_pcr11("uki-old.efi", "enter-initrd:leave-initrd");
    now = after_phases(sha256_bank, now, {"sysinit", "ready"});
    EXPECT_EQ(next(forecast, 11, now).value(), measured_pcr11("uki-new.efi", "enter-initrd:leave-initrd"));
    EXPECT_EQ(next(forecast, 11).error().advice, Advice{AdviceKind::give_phases});
    EXPECT_EQ(next(forecast, 11, now, nullptr, std::vector<std::string>{"enter-initrd"}).value(),
              measured_pcr11("uki-new.efi", "enter-initrd"));
}

TEST(PredictionTest, PhasesComeFromSystemdsLog) {
    const EventLog parsed = uki_log("uki-old.efi", "kernel-old.efi").parsed();
    const Forecast forecast{parsed, sha256_bank};
    const MeasureLog log = systemd_log({{11, "enter-initrd"}, {11, "leave-initrd"}, {11, "sysinit"}});
    const Bytes now =
        after_phases(sha256_bank, measured_pcr11("uki-old.efi", "enter-initrd:leave-initrd"), {"sysinit"});
    EXPECT_EQ(next(forecast, 11, now, &log).value(),
              measured_pcr11("uki-old.efi", "enter-initrd:leave-initrd"));
    EXPECT_THAT(next(forecast, 11, Bytes(32), &log).error().message, HasSubstr("does not explain"));
}

TEST(PredictionTest, OtherPcrsThatSystemdWritesAreNotPredicted) {
    const EventLog parsed = new_log().add(4, EventType::separator, bytes_of("a")).parsed();
    const Forecast forecast{parsed, sha256_bank};
    const MeasureLog log = systemd_log({{15, "machine-id:1"}});
    const Bytes now = of_digests({hash(bytes_of("machine-id:1"))}, 15);
    EXPECT_THAT(next(forecast, 15, now, &log).error().message, HasSubstr("systemd measures into it"));
}

TEST(PredictionTest, KernelsOwnStubMeasuresWhatTheUkiHandsOver) {
    AgileLog log = uki_log("uki-old.efi", "kernel-old.efi");
    const NamedFile file = named_pe_file("uki-old.efi");
    const PeImage image = PeImage::parse(as_bytes(file.contents)).value();
    add_tagged(log, linux_options_tag, wide_with_nul("root=/dev/vda rw quiet"));
    add_tagged(log, linux_initrd_tag, image.section(".initrd").value());
    const EventLog parsed = log.parsed();
    Forecast forecast{parsed, sha256_bank};
    replace_file(forecast, named_pe_file("uki-old.efi"), named_pe_file("uki-new.efi"));
    const NamedFile new_file = named_pe_file("uki-new.efi");
    const PeImage new_image = PeImage::parse(as_bytes(new_file.contents)).value();
    EXPECT_EQ(next(forecast, 9).value(),
              of_digests({hash(wide_with_nul("root=/dev/vda rw debug")),
                          hash(initrd_for_kernel(new_image, InitrdForm::of_252).value())},
                         9));
}

TEST(PredictionTest, InitrdWithOtherThingsInItIsNotGuessed) {
    AgileLog log = uki_log("uki-old.efi", "kernel-old.efi");
    add_tagged(log, linux_initrd_tag, bytes_of("initrd and credentials"));
    const EventLog parsed = log.parsed();
    Forecast forecast{parsed, sha256_bank};
    replace_file(forecast, named_pe_file("uki-old.efi"), named_pe_file("uki-new.efi"));
    EXPECT_THAT(next(forecast, 9).error().message, HasSubstr("not that of the old image alone"));
    EXPECT_TRUE(next(forecast, 4).has_value());
}

TEST(PredictionTest, AnotherVersionOfTheStubIsNotGuessed) {
    const EventLog parsed = uki_log("uki-old.efi", "kernel-old.efi").parsed();
    Forecast forecast{parsed, sha256_bank};
    replace_file(forecast, named_pe_file("uki-old.efi"), named_pe_file("uki-other-stub.efi"));
    for (const unsigned pcr : {4U, 11U}) {
        EXPECT_THAT(next(forecast, pcr, {}, nullptr, std::vector<std::string>{}).error().message,
                    HasSubstr("different versions of systemd-stub"));
    }
}

TEST(PredictionTest, SectionsThatAreNotThoseOfTheOldImageSpoilPcr11) {
    AgileLog log = new_log();
    add_image(log, "uki-old.efi");
    log.add(11, EventType::ipl, bytes_of(".linux"));
    const EventLog parsed = log.parsed();
    Forecast forecast{parsed, sha256_bank};
    replace_file(forecast, named_pe_file("uki-old.efi"), named_pe_file("uki-new.efi"));
    EXPECT_THAT(next(forecast, 11, {}, nullptr, std::vector<std::string>{}).error().message,
                HasSubstr("not the sections of the old image"));
}

TEST(PredictionTest, DigestIsReplacedInItsPcrOnly) {
    AgileLog log = new_log();
    log.add(4, EventType::separator, bytes_of("a")).add(5, EventType::separator, bytes_of("a"));
    const EventLog parsed = log.parsed();
    Forecast forecast{parsed, sha256_bank};
    const std::string before = to_hex(hash(bytes_of("a")));
    const std::string after(64, '7');
    apply(forecast, parse_digest_change("4:" + before + "=" + after, sha256_bank));
    EXPECT_EQ(next(forecast, 4).value(), of_digests({unhex(after)}));
    EXPECT_EQ(next(forecast, 5).value(), of_digests({hash(bytes_of("a"))}));
    EXPECT_EQ(test::reason_of([&] { apply(forecast, {4, unhex(before), unhex(after)}); }), Reason::no_input);
    for (const std::string& text : {std::string{"4"}, "4:" + before, "x:" + before + "=" + after,
                                    "24:" + before + "=" + after, "4:ab=" + after, "4:" + before + "=zz"}) {
        EXPECT_EQ(test::reason_of([&] { (void)parse_digest_change(text, sha256_bank); }), Reason::usage)
            << text;
    }
}

} // namespace sealmount
