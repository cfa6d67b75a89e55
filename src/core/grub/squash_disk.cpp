// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/grub/squash_disk.hpp"

#include "base/byte_reader.hpp"

#include <cstdint>

namespace sealmount {

namespace {

constexpr std::uint32_t squash_magic = 0x73717368;
constexpr unsigned squash_directory = 1;
constexpr unsigned squash_file = 2;
constexpr std::size_t most_names = 1000;

/// Where a directory's list is, or an inode: a block of a table, and a place in it.
struct SquashPlace {
    std::uint64_t block = 0;
    std::size_t offset = 0;
};

class SquashDisk {
  public:
    explicit SquashDisk(const BytesView disk) : disk_(disk) {}

    std::optional<std::vector<std::string>> names() {
        ByteReader block{disk_};
        if (block.u32() != squash_magic) {
            return std::nullopt;
        }
        (void)block.take(24);
        if (block.u16() != 4) {
            return std::nullopt;
        }
        (void)block.u16();
        const auto root = block.u64();
        (void)block.take(24);
        inodes_ = block.u64().value_or(disk_.size());
        directories_ = block.u64().value_or(disk_.size());
        if (!root || !add_files({.block = *root >> 16U, .offset = *root & 0xffffU}, "")) {
            return std::nullopt;
        }
        return std::move(names_);
    }

  private:
    /// A table from that place to the end of its block.
    [[nodiscard]] std::optional<BytesView> part(const std::uint64_t table, const SquashPlace& place) const {
        if (table > disk_.size() || place.block > disk_.size() - table) {
            return std::nullopt;
        }
        ByteReader reader{disk_.subspan(static_cast<std::size_t>(table + place.block))};
        const unsigned header = reader.u16().value_or(0);
        constexpr unsigned is_plain = 0x8000;
        const auto content = (header & is_plain) != 0 ? reader.take(header & ~is_plain) : std::nullopt;
        if (!content || place.offset > content->size()) {
            return std::nullopt;
        }
        return BytesView{*content}.subspan(place.offset);
    }

    [[nodiscard]] bool add_files(const SquashPlace& inode, const std::string& path) {
        const auto content = part(inodes_, inode);
        if (!content) {
            return false;
        }
        ByteReader reader{*content};
        if (reader.u16() != squash_directory || !reader.take(14)) {
            return false;
        }
        const auto block = reader.u32();
        (void)reader.u32();
        const auto size = reader.u16();
        const auto offset = reader.u16();
        // Three more than the list takes: for . and .., which are not in it.
        constexpr std::size_t not_there = 3;
        if (!block || !size || !offset || *size < not_there) {
            return false;
        }
        const auto list = part(directories_, {.block = *block, .offset = *offset});
        return list && *size - not_there <= list->size() && add_list(list->first(*size - not_there), path);
    }

    [[nodiscard]] bool add_list(const BytesView list, const std::string& path) {
        ByteReader reader{list};
        while (reader.left() > 0) {
            const auto count = reader.u32();
            const auto block = reader.u32();
            if (!count || !block || !reader.u32()) {
                return false;
            }
            for (std::uint64_t at = 0; at <= *count; ++at) {
                const auto offset = reader.u16();
                (void)reader.u16();
                const auto type = reader.u16();
                const auto length = reader.u16();
                const auto text = length ? reader.take(std::size_t{*length} + 1) : std::nullopt;
                if (!offset || !type || !text || names_.size() == most_names) {
                    return false;
                }
                const std::string name =
                    path + "/" + std::string{reinterpret_cast<const char*>(text->data()), text->size()};
                if (*type == squash_file) {
                    names_.push_back(name);
                } else if (*type != squash_directory || !path.empty() ||
                           !add_files({.block = *block, .offset = *offset}, name)) {
                    return false;
                }
            }
        }
        return true;
    }

    BytesView disk_;
    std::uint64_t inodes_ = 0;
    std::uint64_t directories_ = 0;
    std::vector<std::string> names_;
};

} // namespace

std::optional<std::vector<std::string>> squash_names(const BytesView disk) {
    return SquashDisk{disk}.names();
}

} // namespace sealmount
