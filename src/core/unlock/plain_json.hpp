// PlainJson: reads the JSON that our own programs write into a master file. It understands less than
// base/strict_json.hpp and never more: strings without escapes, whole numbers, no member that the caller does
// not know. "false" means "not understood", and the document is left to that reader, which says what is wrong
// if anything is.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sealmount {

/// Takes values off the front of a text, which must outlive what was read. After a "false", the object is of
/// no further use.
class PlainJson {
  public:
    explicit PlainJson(const std::string_view text) noexcept : rest_(text) {}

    /// `member` is called with each member's name, in order, and must take its value.
    template<typename Member>
    [[nodiscard]] bool object(const Member& member) {
        if (!take('{')) {
            return false;
        }
        if (take('}')) {
            return true;
        }
        do {
            std::string_view name;
            if (!string(name) || !take(':') || !member(name)) {
                return false;
            }
        } while (take(','));
        return take('}');
    }

    /// `element` is called before each element, and must take it.
    template<typename Element>
    [[nodiscard]] bool array(const Element& element) {
        if (!take('[')) {
            return false;
        }
        if (take(']')) {
            return true;
        }
        do {
            if (!element()) {
                return false;
            }
        } while (take(','));
        return take(']');
    }

    /// UTF-8 without escapes, and of no more than three bytes a character.
    [[nodiscard]] bool string(std::string_view& text) noexcept;
    /// 0 to 999999999.
    [[nodiscard]] bool number(std::uint32_t& value) noexcept;
    /// "true".
    [[nodiscard]] bool truth() noexcept;
    /// Nothing but white space is left.
    [[nodiscard]] bool at_end() noexcept;

  private:
    void skip_space() noexcept;
    [[nodiscard]] bool take(char c) noexcept;

    std::string_view rest_;
};

/// Which members of an object were there: each may be once, and must be known.
template<std::size_t size>
class PlainMembers {
  public:
    explicit constexpr PlainMembers(const std::array<std::string_view, size>& names) noexcept
        : names_(names) {
        static_assert(size < 32);
    }

    /// Its number in the table; `size` when it is unknown, or was there before.
    [[nodiscard]] std::size_t number_of(const std::string_view name) noexcept {
        for (std::size_t number = 0; number < size; ++number) {
            if (names_[number] == name) {
                const bool is_first = !has(number);
                there_ |= std::uint32_t{1} << number;
                return is_first ? number : size;
            }
        }
        return size;
    }

    [[nodiscard]] bool has(const std::size_t number) const noexcept { return (there_ >> number & 1U) != 0; }

  private:
    const std::array<std::string_view, size>& names_;
    std::uint32_t there_ = 0;
};

/// Only 0-9 and a-f, exactly `digits` of them.
[[nodiscard]] bool is_plain_hex(std::string_view text, std::size_t digits) noexcept;

/// A name by the rules of core/volume/manifest_rules.hpp.
[[nodiscard]] bool is_plain_name(std::string_view name) noexcept;

} // namespace sealmount
