// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/prediction/pe_image.hpp"

#include "core/events/event_log.hpp"
#include "core/events/pcr_replay.hpp"
#include "core/policy/pcr_policy.hpp"
#include "core/prediction/uki.hpp"
#include "unit/core/prediction/pe_vectors.hpp"
#include "unit/vectors.hpp"

#include <gtest/gtest.h>

namespace sealmount {

using test::pe_file;
using test::text_of;

namespace {

PcrBank bank_called(const std::string& name) {
    return parse_pcr_selection("0:" + name).bank;
}

/// The image refers to the file's bytes.
struct Loaded {
    explicit Loaded(const std::string& name)
        : file(pe_file(name)), image(PeImage::parse(as_bytes(file)).value()) {}

    std::string file;
    PeImage image;
};

} // namespace

TEST(PeImageTest, AuthenticodeDigestIsThatOfOtherPrograms) {
    unsigned compared = 0;
    for (const Json& vector : test::vectors("pe.json", "authenticode")) {
        const Loaded loaded{text_of(vector, "file")};
        EXPECT_EQ(to_hex(loaded.image.authenticode(bank_called(text_of(vector, "bank")))),
                  text_of(vector, "digest"))
            << text_of(vector, "file") << " " << text_of(vector, "bank");
        EXPECT_EQ(loaded.image.is_signed(), vector.at("signed").get<bool>()) << text_of(vector, "file");
        ++compared;
    }
    EXPECT_GE(compared, 11U);
}

TEST(PeImageTest, SectionEndsWithItsVirtualSize) {
    const Loaded loaded{"uki-old.efi"};
    EXPECT_EQ(loaded.image.section(".initrd").value().size(), 1001U);
    EXPECT_EQ(loaded.image.section(".cmdline").value(), Bytes(as_bytes("root=/dev/vda rw quiet\n").begin(),
                                                              as_bytes("root=/dev/vda rw quiet\n").end()));
    EXPECT_FALSE(loaded.image.section(".dtb").has_value());
}

TEST(PeImageTest, TruncatedAnywhereIsNoImageOrAnother) {
    const Loaded whole{"kernel-signed.efi"};
    const Bytes digest = whole.image.authenticode(PcrBank::sha256);
    for (std::size_t size = 0; size < whole.file.size(); ++size) {
        const std::string part = whole.file.substr(0, size);
        // What is lost may be the certificates, which are not hashed; but the header says where they are.
        if (const auto image = PeImage::parse(as_bytes(part))) {
            EXPECT_EQ(image->authenticode(PcrBank::sha256).size(), digest.size());
            (void)image->section(".text");
        }
    }
}

TEST(PeImageTest, SectionThatClaimsToBeHugeIsRefused) {
    std::string file = pe_file("uki-old.efi");
    const std::size_t size_at = file.find(".initrd") + 8;
    file[size_at + 3] = '\x7f';
    const PeImage image = PeImage::parse(as_bytes(file)).value();
    EXPECT_EQ(test::reason_of([&] { (void)image.section(".initrd"); }), Reason::bad_data);
    EXPECT_TRUE(image.section(".cmdline").has_value());
}

TEST(PeImageTest, NoImageIsNone) {
    EXPECT_FALSE(PeImage::parse({}).has_value());
    EXPECT_FALSE(PeImage::parse(as_bytes("MZ")).has_value());
    EXPECT_FALSE(PeImage::parse(as_bytes(std::string(4096, '\0'))).has_value());
    std::string far = pe_file("kernel-old.efi");
    far[0x3f] = '\x7f'; // the header would be behind the end
    EXPECT_FALSE(PeImage::parse(as_bytes(far)).has_value());
}

TEST(UkiTest, Pcr11IsThatOfSystemdMeasure) {
    unsigned compared = 0;
    for (const Json& vector : test::vectors("pe.json", "pcr11")) {
        const Loaded uki{text_of(vector, "file")};
        const bool two = text_of(vector, "phases").find(':') != std::string::npos;
        const std::vector<std::string> phases = two ? std::vector<std::string>{"enter-initrd", "leave-initrd"}
                                                    : std::vector<std::string>{"enter-initrd"};
        for (const auto& [name, expected] : vector.at("values").items()) {
            const PcrBank bank = bank_called(name);
            Bytes value = initial_pcr_value(uki_pcr, bank, 0);
            for (const Bytes& digest : section_digests(uki.image, SectionSet::of_252, bank)) {
                value = extended(bank, value, digest);
            }
            EXPECT_EQ(to_hex(after_phases(bank, value, phases)), expected.get<std::string>())
                << text_of(vector, "file") << " " << name << " " << text_of(vector, "phases");
            ++compared;
        }
    }
    EXPECT_EQ(compared, 16U);
}

TEST(UkiTest, IsToldFromAKernel) {
    EXPECT_TRUE(is_uki(Loaded{"uki-old.efi"}.image));
    EXPECT_FALSE(is_uki(Loaded{"kernel-old.efi"}.image));
    EXPECT_EQ(stub_version(Loaded{"uki-old.efi"}.image), "252.39-1~deb12u2");
    EXPECT_EQ(command_line_for_kernel(Loaded{"uki-old.efi"}.image), "root=/dev/vda rw quiet");
}

TEST(UkiTest, InitrdWithKeyIsAnArchiveBehindIt) {
    const Loaded uki{"uki-new.efi"};
    const Bytes plain = initrd_for_kernel(uki.image, InitrdForm::plain).value();
    const Bytes whole = initrd_for_kernel(uki.image, InitrdForm::of_252).value();
    const std::string text{reinterpret_cast<const char*>(whole.data()), whole.size()};
    EXPECT_EQ(text.find("070701"), 1004U); // behind the initrd and its padding
    EXPECT_NE(text.find("00000000.extra/tpm2-pcr-public-key.pem\0", 1004), std::string::npos);
    EXPECT_TRUE(text.ends_with(std::string("TRAILER!!!") + std::string(4, '\0')));
    EXPECT_EQ(whole.size() % 4, 0U);
    EXPECT_EQ(plain.size(), 1001U);
}

} // namespace sealmount
