// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/grub/elf_section.hpp"

#include "base/byte_reader.hpp"

#include <cstdint>

namespace sealmount {

namespace {

struct ElfRange {
    std::uint32_t name = 0; ///< where the section's name is in the table of names
    std::string_view content;
};

std::optional<ElfRange> range_at(const BytesView file, const std::uint64_t at) {
    if (at > file.size()) {
        return std::nullopt;
    }
    ByteReader header{file.subspan(static_cast<std::size_t>(at))};
    const auto name = header.u32();
    (void)header.take(0x14);
    const auto offset = header.u64();
    const auto length = header.u64();
    if (!name || !offset || !length || *offset > file.size() || *length > file.size() - *offset) {
        return std::nullopt;
    }
    return ElfRange{
        .name = *name,
        .content = {reinterpret_cast<const char*>(file.data()) + *offset, static_cast<std::size_t>(*length)}};
}

} // namespace

std::optional<std::string> elf_section(const BytesView file, const std::string_view name) {
    constexpr std::string_view magic = "\x7f"
                                       "ELF\x02\x01";
    constexpr std::size_t header_size = 0x40;
    const std::string_view text{reinterpret_cast<const char*>(file.data()), file.size()};
    if (file.size() < header_size || !text.starts_with(magic)) {
        return std::nullopt;
    }
    const std::uint64_t table = ByteReader{file.subspan(0x28)}.u64().value_or(0);
    ByteReader counts{file.subspan(0x3a)};
    const std::uint64_t size = counts.u16().value_or(0);
    const unsigned count = counts.u16().value_or(0);
    const unsigned names = counts.u16().value_or(0);
    if (table > file.size()) {
        return std::nullopt;
    }
    const auto all_names = range_at(file, table + names * size);
    for (unsigned section = 0; all_names && section < count; ++section) {
        const auto range = range_at(file, table + section * size);
        if (range && range->name < all_names->content.size()) {
            const std::string_view rest = all_names->content.substr(range->name);
            if (rest.starts_with(name) && rest.size() > name.size() && rest[name.size()] == '\0') {
                return std::string{range->content};
            }
        }
    }
    return std::nullopt;
}

} // namespace sealmount
