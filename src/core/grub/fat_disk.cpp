// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/grub/fat_disk.hpp"

#include "base/byte_reader.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>

namespace sealmount {

namespace {

constexpr std::size_t entry_size = 32;
constexpr std::size_t largest_content = std::size_t{64} << 10U;
constexpr unsigned largest_fat12 = 4084; ///< clusters; with more it is FAT16

class FatDisk {
  public:
    static std::optional<FatDisk> open(const BytesView disk) {
        FatDisk fat;
        ByteReader block{disk};
        (void)block.take(11);
        fat.sector_ = block.u16().value_or(0);
        fat.cluster_ = std::size_t{block.u8().value_or(0)} * fat.sector_;
        const std::size_t reserved = block.u16().value_or(0);
        const std::size_t copies = block.u8().value_or(0);
        const std::size_t entries = block.u16().value_or(0);
        const std::size_t sectors = block.u16().value_or(0);
        (void)block.u8();
        const std::size_t table = block.u16().value_or(0);
        if (fat.cluster_ == 0 || entries == 0 || table == 0 || copies == 0) {
            return std::nullopt;
        }
        const std::size_t root = (reserved + copies * table) * fat.sector_;
        const std::size_t data = root + (entries * entry_size + fat.sector_ - 1) / fat.sector_ * fat.sector_;
        if (data >= disk.size()) {
            return std::nullopt;
        }
        fat.table_ = disk.subspan(reserved * fat.sector_, table * fat.sector_);
        fat.root_ = disk.subspan(root, entries * entry_size);
        fat.data_ = disk.subspan(data);
        // Without the short count the long one is elsewhere; the bytes that are there say as much.
        const std::size_t size = sectors == 0 ? disk.size() : sectors * fat.sector_;
        fat.is_fat12_ = (size - std::min(size, data)) / fat.cluster_ <= largest_fat12;
        return fat;
    }

    [[nodiscard]] BytesView root() const noexcept { return root_; }

    /// The clusters from that one on, up to `size` bytes.
    [[nodiscard]] Bytes content(unsigned cluster, const std::size_t size) const {
        Bytes bytes;
        while (bytes.size() < size && cluster >= 2 && (cluster - 2) * cluster_ < data_.size()) {
            const std::size_t at = (cluster - 2) * cluster_;
            const BytesView part =
                data_.subspan(at, std::min({cluster_, data_.size() - at, size - bytes.size()}));
            bytes.insert(bytes.end(), part.begin(), part.end());
            cluster = next(cluster);
        }
        return bytes;
    }

  private:
    FatDisk() = default;

    [[nodiscard]] unsigned next(const unsigned cluster) const {
        const std::size_t at = is_fat12_ ? cluster + cluster / 2 : std::size_t{cluster} * 2;
        if (at + 2 > table_.size()) {
            return 0;
        }
        const unsigned value = ByteReader{table_.subspan(at)}.u16().value_or(0);
        constexpr unsigned twelve_bits = 0xfff;
        return !is_fat12_ ? value : cluster % 2 == 0 ? value & twelve_bits : value >> 4U;
    }

    std::size_t sector_ = 0;
    std::size_t cluster_ = 0;
    bool is_fat12_ = true;
    BytesView table_;
    BytesView root_;
    BytesView data_;
};

/// "GRUB    CFG" as "grub.cfg".
std::string short_name(const BytesView field) {
    std::string name;
    for (std::size_t at = 0; at < 11; ++at) {
        const char c = static_cast<char>(field[at]);
        if (at == 8 && static_cast<char>(field[at]) != ' ') {
            name += '.';
        }
        if (c != ' ') {
            name += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        }
    }
    return name;
}

void add_files(const FatDisk& disk, const BytesView directory, const std::string& path, const bool is_root,
               std::map<std::string, std::string>& files) {
    for (std::size_t at = 0; at + entry_size <= directory.size(); at += entry_size) {
        const BytesView entry = directory.subspan(at, entry_size);
        constexpr std::byte deleted{0xe5};
        constexpr unsigned is_directory = 0x10;
        constexpr unsigned is_label = 0x08; // also of the parts of long names
        if (entry[0] == std::byte{0}) {
            return;
        }
        const auto attributes = std::to_integer<unsigned>(entry[11]);
        if (entry[0] == deleted || entry[0] == std::byte{'.'} || (attributes & is_label) != 0) {
            continue;
        }
        ByteReader where{entry.subspan(26)};
        const unsigned cluster = where.u16().value_or(0);
        const std::size_t size = where.u32().value_or(0);
        const std::string name = path + "/" + short_name(entry);
        if ((attributes & is_directory) == 0) {
            const Bytes content =
                name.ends_with(".cfg") && size <= largest_content ? disk.content(cluster, size) : Bytes{};
            files[name] = std::string{reinterpret_cast<const char*>(content.data()), content.size()};
        } else if (is_root) {
            add_files(disk, disk.content(cluster, largest_content), name, false, files);
        }
    }
}

} // namespace

std::map<std::string, std::string> fat_files(const BytesView disk) {
    std::map<std::string, std::string> files;
    if (const auto fat = FatDisk::open(disk)) {
        add_files(*fat, fat->root(), "", true, files);
    }
    return files;
}

} // namespace sealmount
