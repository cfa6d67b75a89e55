// Strict reading of JSON: every member asked for by name, type-checked, and nothing left over.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sealmount {

/// Keeps the members in the order in which people wrote them.
using Json = nlohmann::ordered_json;

/// More than any object has that we read: ours, systemd's, and those of firmware's logs.
inline constexpr std::size_t most_members = 1024;

/// Parses RFC 8259 text, in a time that grows with its length and not faster. Throws Error{config}:
/// "LINE:COLUMN: what is wrong" for a syntax error and for text that is not UTF-8; an object with more than
/// most_members; and, unlike most readers, the name of a member that appears twice in one object (the second
/// would silently win).
[[nodiscard]] Json parse_json(std::string_view text);

/// One JSON object being read. Each getter consumes a member; `finish()` refuses the rest. All errors are
/// Error{config} and begin with the place as a path, such as "volumes[2].key_bytes". Refers to the value,
/// which must outlive it.
class ObjectReader {
  public:
    /// Throws when `value` is not an object. `path` is where it is; "" for the document itself.
    ObjectReader(const Json& value, std::string path);

    [[nodiscard]] const std::string& path() const noexcept { return path_; }
    /// The path of a member, for messages about its contents.
    [[nodiscard]] std::string path_of(std::string_view member) const;

    /// Throws when the member is absent or not of the type.
    [[nodiscard]] std::string string(std::string_view member);
    [[nodiscard]] std::int64_t integer(std::string_view member);
    [[nodiscard]] const Json& object(std::string_view member);
    [[nodiscard]] const Json& array(std::string_view member);

    /// Nothing when the member is absent; throws when it is not of the type.
    [[nodiscard]] std::optional<std::string> optional_string(std::string_view member);
    [[nodiscard]] std::optional<std::int64_t> optional_integer(std::string_view member);
    [[nodiscard]] std::optional<bool> optional_boolean(std::string_view member);
    [[nodiscard]] std::vector<std::string> optional_strings(std::string_view member);

    /// Throws when a member was never asked for: a typing error must not be taken for a setting.
    void finish() const;

    /// Throws Error{config} "PATH_OF_MEMBER: MESSAGE".
    [[noreturn]] void fail(std::string_view member, std::string_view message) const;

  private:
    [[nodiscard]] const Json* find(std::string_view member);
    [[nodiscard]] const Json& require(std::string_view member);

    const Json& value_;
    std::string path_;
    std::vector<bool> asked_; ///< for each member of the value, in its order
};

} // namespace sealmount
