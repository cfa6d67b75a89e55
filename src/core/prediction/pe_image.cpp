// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/prediction/pe_image.hpp"

#include "base/byte_reader.hpp"
#include "base/error.hpp"
#include "base/format.hpp"
#include "sys/crypto/certificate.hpp"
#include "sys/tpm/digest.hpp"

#include <algorithm>

namespace sealmount {

namespace {

constexpr std::size_t new_header_at = 0x3c;
constexpr std::size_t file_header_size = 24; // with the signature "PE\0\0"
constexpr std::size_t checksum_in_optional_header = 64;
constexpr std::size_t headers_size_in_optional_header = 60;
constexpr std::uint16_t pe32 = 0x10b;
constexpr std::uint16_t pe32_plus = 0x20b;
constexpr std::size_t certificate_directory = 4;
constexpr std::uint32_t most_zeros = 1U << 20U; // behind what the file has of a section that is read

std::optional<ByteReader> reader_at(const BytesView file, const std::size_t offset) {
    return offset <= file.size() ? std::optional{ByteReader{file.subspan(offset)}} : std::nullopt;
}

std::optional<std::uint32_t> u32_at(const BytesView file, const std::size_t offset) {
    auto reader = reader_at(file, offset);
    return reader ? reader->u32() : std::nullopt;
}

bool begins_with(const BytesView bytes, const std::string_view text) {
    return bytes.size() >= text.size() && std::ranges::equal(bytes.first(text.size()), as_bytes(text));
}

} // namespace

std::optional<PeImage> PeImage::parse(const BytesView file) {
    const auto start = begins_with(file, "MZ") ? u32_at(file, new_header_at) : std::nullopt;
    auto head = start ? reader_at(file, *start) : std::nullopt;
    if (!head || !begins_with(head->rest(), std::string_view{"PE\0\0", 4})) {
        return std::nullopt;
    }
    (void)head->take(6); // signature and machine
    const auto section_count = head->u16();
    (void)head->take(12); // time and symbols
    const auto optional_size = head->u16();
    (void)head->u16();
    const std::size_t optional_at = *start + file_header_size;
    const auto magic = head->u16();
    if (!section_count || !optional_size || !magic || (*magic != pe32 && *magic != pe32_plus)) {
        return std::nullopt;
    }
    PeImage image{file};
    image.checksum_at_ = optional_at + checksum_in_optional_header;
    image.headers_size_ = u32_at(file, optional_at + headers_size_in_optional_header).value_or(0);
    const std::size_t directory_count_at = optional_at + (*magic == pe32 ? 92U : 108U);
    const std::uint32_t directories = u32_at(file, directory_count_at).value_or(0);
    if (directories > certificate_directory) {
        image.certificate_entry_ = directory_count_at + 4 + 8 * certificate_directory;
        image.certificates_size_ = u32_at(file, *image.certificate_entry_ + 4).value_or(0);
    }
    const std::size_t hashed_headers = image.certificate_entry_.value_or(image.checksum_at_ - 4) + 8;
    if (image.headers_size_ < hashed_headers || image.headers_size_ > file.size() ||
        image.certificates_size_ > file.size()) {
        return std::nullopt;
    }
    auto table = reader_at(file, optional_at + *optional_size);
    for (std::uint16_t at = 0; at < *section_count; ++at) {
        auto section = table ? read_section(*table, file.size()) : std::nullopt;
        if (!section) {
            return std::nullopt;
        }
        image.sections_.push_back(std::move(*section));
    }
    return image;
}

std::optional<PeImage::Header> PeImage::read_section(ByteReader& table, const std::size_t file_size) {
    const auto name = table.take(8);
    const auto virtual_size = table.u32();
    (void)table.u32();
    const auto raw_size = table.u32();
    const auto raw_offset = table.u32();
    if (!name || !virtual_size || !raw_size || !raw_offset || !table.take(16)) {
        return std::nullopt;
    }
    const bool has_data = *raw_size > 0;
    if (has_data && (*raw_offset > file_size || *raw_size > file_size - *raw_offset)) {
        return std::nullopt;
    }
    const auto* const text = reinterpret_cast<const char*>(name->data());
    return Header{.name = {text, std::find(text, text + name->size(), '\0')},
                  .virtual_size = *virtual_size,
                  .raw_size = *raw_size,
                  .raw_offset = *raw_offset};
}

Bytes PeImage::authenticode(const PcrBank bank) const {
    constexpr std::size_t checksum_size = 4;
    constexpr std::size_t entry_size = 8;
    std::vector<BytesView> parts;
    const auto add = [&](const std::size_t from, const std::size_t to) {
        parts.push_back(file_.subspan(from, to - from));
    };
    add(0, checksum_at_);
    const std::size_t behind_checksum = checksum_at_ + checksum_size;
    if (certificate_entry_) {
        add(behind_checksum, *certificate_entry_);
        add(*certificate_entry_ + entry_size, headers_size_);
    } else {
        add(behind_checksum, headers_size_);
    }
    std::size_t hashed = headers_size_;
    std::vector<Header> sections = sections_;
    std::ranges::stable_sort(sections, {}, &Header::raw_offset);
    for (const Header& section : sections) {
        if (section.raw_size > 0) {
            add(section.raw_offset, std::size_t{section.raw_offset} + section.raw_size);
            hashed += section.raw_size;
        }
    }
    // What follows the sections, up to the certificates; "hashed" is not an offset, but the specification
    // uses it as one.
    if (file_.size() > hashed + certificates_size_) {
        add(hashed, file_.size() - certificates_size_);
    }
    return digest(bank, parts);
}

std::vector<Bytes> PeImage::certificates() const {
    constexpr std::size_t head_size = 8; // length, revision, type
    constexpr std::size_t unit = 8;
    constexpr std::uint16_t pkcs7 = 2;
    std::vector<Bytes> all;
    for (BytesView table = file_.last(certificates_size_); table.size() > head_size;) {
        ByteReader reader{table};
        const std::size_t length = reader.u32().value_or(0);
        (void)reader.u16();
        const auto type = reader.u16();
        if (length < head_size || length > table.size()) {
            break;
        }
        if (type == pkcs7) {
            for (Bytes& certificate : pkcs7_certificates(table.subspan(head_size, length - head_size))) {
                all.push_back(std::move(certificate));
            }
        }
        table = table.subspan(std::min(table.size(), (length + unit - 1) / unit * unit));
    }
    return all;
}

bool PeImage::has_section(const std::string_view name) const {
    return count_sections(name) > 0;
}

unsigned PeImage::count_sections(const std::string_view name) const {
    return static_cast<unsigned>(std::ranges::count(sections_, name, &Header::name));
}

std::optional<Bytes> PeImage::section(const std::string_view name) const {
    const auto found = std::ranges::find(sections_, name, &Header::name);
    if (found == sections_.end() || found->virtual_size == 0) {
        return std::nullopt;
    }
    if (found->virtual_size > std::uint64_t{found->raw_size} + most_zeros) {
        throw Error{Reason::bad_data,
                    formatted("the section {} claims to be {} bytes long, but only {} are there", name,
                              found->virtual_size, found->raw_size)};
    }
    const BytesView raw =
        found->raw_size == 0
            ? BytesView{}
            : file_.subspan(found->raw_offset, std::min(found->raw_size, found->virtual_size));
    Bytes contents(found->virtual_size);
    std::ranges::copy(raw, contents.begin());
    return contents;
}

} // namespace sealmount
