// ByteReader: takes little-endian numbers and runs of bytes from the front of a buffer, never past its end.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace sealmount {

/// Refers to the buffer, which must outlive it. A take that needs more than is left gives nothing and moves
/// nothing: no size that hostile bytes claim is ever trusted, or allocated.
class ByteReader {
  public:
    explicit ByteReader(const std::span<const std::byte> bytes) : bytes_(bytes) {}

    [[nodiscard]] std::size_t offset() const noexcept { return offset_; }
    [[nodiscard]] std::size_t left() const noexcept { return bytes_.size() - offset_; }
    [[nodiscard]] std::span<const std::byte> rest() const noexcept { return bytes_.subspan(offset_); }

    [[nodiscard]] std::optional<std::span<const std::byte>> take(const std::uint64_t count) noexcept {
        if (count > left()) {
            return std::nullopt;
        }
        const auto taken = bytes_.subspan(offset_, static_cast<std::size_t>(count));
        offset_ += taken.size();
        return taken;
    }

    [[nodiscard]] std::optional<std::uint8_t> u8() noexcept { return number<std::uint8_t>(); }
    [[nodiscard]] std::optional<std::uint16_t> u16() noexcept { return number<std::uint16_t>(); }
    [[nodiscard]] std::optional<std::uint32_t> u32() noexcept { return number<std::uint32_t>(); }
    [[nodiscard]] std::optional<std::uint64_t> u64() noexcept { return number<std::uint64_t>(); }

  private:
    template<typename Number>
    std::optional<Number> number() noexcept {
        const auto bytes = take(sizeof(Number));
        if (!bytes) {
            return std::nullopt;
        }
        std::uint64_t value = 0;
        for (std::size_t at = sizeof(Number); at > 0; --at) {
            value = value << 8U | std::to_integer<std::uint64_t>((*bytes)[at - 1]);
        }
        return static_cast<Number>(value);
    }

    std::span<const std::byte> bytes_;
    std::size_t offset_ = 0;
};

} // namespace sealmount
