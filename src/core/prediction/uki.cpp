// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/prediction/uki.hpp"

#include "base/format.hpp"
#include "sys/tpm/digest.hpp"

#include <algorithm>
#include <array>

namespace sealmount {

namespace {

struct MeasuredSection {
    std::string_view name;
    bool of_252; ///< measured by that version already
};

/// In the order of measurement, which systemd promises to keep; .pcrsig is never measured.
constexpr std::array measured_sections = {
    MeasuredSection{".linux", true},   MeasuredSection{".osrel", true},  MeasuredSection{".cmdline", true},
    MeasuredSection{".initrd", true},  MeasuredSection{".ucode", false}, MeasuredSection{".splash", true},
    MeasuredSection{".dtb", true},     MeasuredSection{".uname", false}, MeasuredSection{".sbat", false},
    MeasuredSection{".pcrpkey", true}, MeasuredSection{".hwids", false},
};

void append(Bytes& out, const BytesView bytes) {
    out.insert(out.end(), bytes.begin(), bytes.end());
}

void pad_to_four(Bytes& out) {
    constexpr std::size_t unit = 4;
    out.resize((out.size() + unit - 1) / unit * unit);
}

void append_archive_number(Bytes& out, const std::uint32_t value) {
    constexpr std::string_view digits = "0123456789abcdef";
    for (unsigned shift = 32; shift > 0; shift -= 4) {
        out.push_back(static_cast<std::byte>(digits[(value >> (shift - 4)) & 0xfU]));
    }
}

/// One member of an archive in the "newc" form (Linux, Documentation/driver-api/early-userspace/
/// buffer-format.rst) as the stub writes it: no owner, no time, one link.
void append_member(Bytes& out, const std::string_view name, const std::uint32_t inode,
                   const std::uint32_t mode, const BytesView contents) {
    append(out, as_bytes("070701"));
    for (const std::uint32_t number :
         {inode, mode, 0U, 0U, 1U, 0U, static_cast<std::uint32_t>(contents.size()), 0U, 0U, 0U, 0U,
          static_cast<std::uint32_t>(name.size() + 1), 0U}) {
        append_archive_number(out, number);
    }
    append(out, as_bytes(name));
    out.push_back(std::byte{0});
    pad_to_four(out);
    append(out, contents);
    pad_to_four(out);
}

/// The archive with one file below /.extra.
Bytes archive(const std::string& name, const BytesView contents) {
    constexpr std::uint32_t directory = 0040555;
    constexpr std::uint32_t file = 0100444;
    Bytes out;
    append_member(out, ".extra", 1, directory, {});
    append_member(out, ".extra/" + name, 2, file, contents);
    // The end mark has its size in upper case, unlike the members.
    append(out, as_bytes("070701"
                         "00000000"
                         "00000000"
                         "00000000"
                         "00000000"
                         "00000001"
                         "00000000"
                         "00000000"
                         "00000000"
                         "00000000"
                         "00000000"
                         "00000000"
                         "0000000B"
                         "00000000"
                         "TRAILER!!!"));
    out.resize(out.size() + 4);
    return out;
}

} // namespace

bool is_uki(const PeImage& image) {
    return image.has_section(".linux") &&
           std::ranges::any_of(std::array{".osrel", ".cmdline", ".initrd"},
                               [&](const char* const name) { return image.has_section(name); });
}

std::string component_version(const PeImage& image, const std::string_view component) {
    const std::string before = formatted("LoaderInfo: {} ", component);
    const Bytes magic = image.section(".sdmagic").value_or(Bytes{});
    const std::string_view text{reinterpret_cast<const char*>(magic.data()), magic.size()};
    const std::size_t at = text.find(before);
    if (at == std::string_view::npos) {
        return {};
    }
    const std::string_view version = text.substr(at + before.size());
    return std::string{version.substr(0, version.find(' '))};
}

std::string stub_version(const PeImage& uki) {
    return component_version(uki, "systemd-stub");
}

std::vector<Bytes> section_digests(const PeImage& uki, const SectionSet set, const PcrBank bank) {
    constexpr std::array nul = {std::byte{0}};
    std::vector<Bytes> digests;
    for (const MeasuredSection& measured : measured_sections) {
        if (set == SectionSet::of_252 && !measured.of_252) {
            continue;
        }
        if (const auto contents = uki.section(measured.name)) {
            digests.push_back(digest(bank, {as_bytes(measured.name), nul}));
            digests.push_back(digest(bank, {*contents}));
        }
    }
    return digests;
}

bool has_choices(const PeImage& uki) {
    return uki.has_section(".profile") || uki.has_section(".dtbauto") || uki.has_section(".efifw") ||
           std::ranges::any_of(measured_sections, [&](const MeasuredSection& measured) {
               return uki.count_sections(measured.name) > 1;
           });
}

std::optional<Bytes> initrd_for_kernel(const PeImage& uki, const InitrdForm form) {
    auto initrd = uki.section(".initrd");
    if (form == InitrdForm::plain) {
        return initrd;
    }
    Bytes out;
    const auto add = [&](const std::optional<Bytes>& part) {
        append(out, part.value_or(Bytes{}));
        pad_to_four(out);
    };
    const auto add_file = [&](const char* const section, const char* const name) {
        if (const auto contents = uki.section(section)) {
            add(archive(name, *contents));
        }
    };
    if (form == InitrdForm::of_newer) {
        add(uki.section(".ucode"));
    }
    add(initrd);
    add_file(".pcrsig", "tpm2-pcr-signature.json");
    add_file(".pcrpkey", "tpm2-pcr-public-key.pem");
    if (form == InitrdForm::of_newer) {
        add_file(".osrel", "os-release");
    }
    return out.empty() ? std::nullopt : std::optional{out};
}

std::string command_line_for_kernel(const PeImage& uki) {
    const Bytes section = uki.section(".cmdline").value_or(Bytes{});
    std::string text{reinterpret_cast<const char*>(section.data()), section.size()};
    text.erase(std::ranges::find(text, '\0'), text.end());
    std::ranges::replace_if(
        text, [](const char c) { return static_cast<unsigned char>(c) <= ' '; }, ' ');
    text.erase(text.find_last_not_of(' ') + 1);
    // 252 keeps spaces at the beginning; nobody writes them on purpose, and a form that does not match is
    // never used.
    text.erase(0, text.find_first_not_of(' '));
    return text;
}

} // namespace sealmount
