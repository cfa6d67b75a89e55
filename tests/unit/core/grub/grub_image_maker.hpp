// Images of GRUB for tests, byte by byte.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "unit/log_maker.hpp"

#include <string>
#include <utility>
#include <vector>

namespace sealmount::test {

/// A PE image for 64 bits with these sections and no code (Microsoft PE Format).
inline Bytes pe_with(const std::vector<std::pair<std::string, Bytes>>& sections) {
    Bytes file = bytes_of("MZ");
    file.resize(0x3c);
    put(file, 0x40, 4);
    put(file, bytes_of(std::string_view{"PE\0\0", 4}));
    put(file, 0x8664, 2);
    put(file, sections.size(), 2);
    file.resize(file.size() + 12);
    put(file, 0xf0, 2);
    put(file, 0x22e, 2);
    const std::size_t optional_at = file.size();
    put(file, 0x20b, 2);
    file.resize(optional_at + 60);
    put(file, 0x400, 4); // the size of all headers
    file.resize(optional_at + 108);
    put(file, 16, 4);
    file.resize(optional_at + 0xf0);
    std::size_t at = 0x400;
    for (const auto& [name, content] : sections) {
        Bytes label = bytes_of(name);
        label.resize(8);
        put(file, label);
        put(file, content.size(), 4);
        put(file, 0x1000, 4);
        put(file, content.size(), 4);
        put(file, at, 4);
        file.resize(file.size() + 16);
        at += content.size();
    }
    file.resize(0x400);
    for (const auto& [name, content] : sections) {
        put(file, content);
    }
    return file;
}

inline Bytes object(const unsigned type, Bytes content) {
    Bytes made;
    put(made, type, 4);
    put(made, content.size() + 8, 4);
    put(made, content);
    made.resize((made.size() + 7) / 8 * 8);
    return made;
}

/// A FAT12 disk with /grub.cfg over two clusters and /fonts/unicode.pf2.
inline Bytes small_disk(const std::string& config) {
    Bytes disk(512 * 16);
    const auto set = [&disk](const std::size_t at, const std::uint64_t value, const unsigned size) {
        for (unsigned byte = 0; byte < size; ++byte) {
            disk[at + byte] = static_cast<std::byte>(value >> (8 * byte));
        }
    };
    set(11, 512, 2);
    set(13, 1, 1);
    set(14, 1, 2);
    set(16, 1, 1);
    set(17, 16, 2);
    set(19, 16, 2);
    set(22, 1, 2);
    // Clusters 2 and 3 are the file, 4 is the directory, 5 the font.
    set(512 + 3, 0xfff003, 3);
    set(512 + 6, 0xffffff, 3);
    const auto entry = [&](const std::size_t at, const std::string& name, const unsigned attributes,
                           const unsigned cluster, const std::size_t size) {
        for (std::size_t byte = 0; byte < 11; ++byte) {
            disk[at + byte] = static_cast<std::byte>(name[byte]);
        }
        set(at + 11, attributes, 1);
        set(at + 26, cluster, 2);
        set(at + 28, size, 4);
    };
    const std::size_t root = 1024;
    entry(root, "LABEL      ", 0x08, 0, 0);
    entry(root + 32, "GRUB    CFG", 0x20, 2, config.size());
    entry(root + 64, "FONTS      ", 0x10, 4, 0);
    const std::size_t data = root + 512;
    for (std::size_t at = 0; at < config.size(); ++at) {
        disk[data + at] = static_cast<std::byte>(config[at]);
    }
    entry(data + 2 * 512, ".          ", 0x10, 4, 0);
    entry(data + 2 * 512 + 32, "UNICODE PF2", 0x20, 5, 3);
    return disk;
}

/// A module as GRUB's build makes it: an ELF file with its name and what it needs.
inline std::string module_file(const std::string& name, const std::string& needs) {
    const std::string names{"\0.shstrtab\0.modname\0.moddeps\0", 29};
    const std::string modname = name + '\0';
    std::string file = "\x7f"
                       "ELF\x02\x01";
    const auto add = [&file](const std::uint64_t value, const unsigned size) {
        for (unsigned at = 0; at < size; ++at) {
            file += at < sizeof value ? static_cast<char>(value >> (8 * at)) : '\0';
        }
    };
    file.resize(0x40);
    const std::size_t names_at = file.size();
    file += names + modname + needs;
    const std::size_t table = file.size();
    const auto section = [&](const unsigned name_at, const std::size_t offset, const std::size_t size) {
        add(name_at, 4);
        add(0, 0x14);
        add(offset, 8);
        add(size, 8);
        add(0, 0x18);
    };
    section(1, names_at, names.size());
    section(11, names_at + names.size(), modname.size());
    section(20, names_at + names.size() + modname.size(), needs.size());
    const auto patch = [&file](const std::size_t at, const std::size_t value) {
        file[at] = static_cast<char>(value & 0xffU);
        file[at + 1] = static_cast<char>(value >> 8U);
    };
    patch(0x28, table);
    patch(0x3a, 0x40);
    patch(0x3c, 3);
    patch(0x3e, 0);
    return file;
}

} // namespace sealmount::test
