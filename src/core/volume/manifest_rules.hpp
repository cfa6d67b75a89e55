// What a manifest may contain, value by value.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sealmount {

/// Nothing when the name, path, signature, option or unit is acceptable; else what is wrong, without the
/// place.
[[nodiscard]] std::optional<std::string> problem_with_name(std::string_view name);
[[nodiscard]] std::optional<std::string> problem_with_path(std::string_view path);
[[nodiscard]] std::optional<std::string> problem_with_signature(std::string_view signature);
[[nodiscard]] std::optional<std::string> problem_with_option(std::string_view option);
/// eCryptfs would hide its own lower directory below the mount.
[[nodiscard]] std::optional<std::string> problem_with_nesting(std::string_view lower,
                                                              std::string_view mountpoint);
/// A whole unit name, not that of a template (systemd.unit(5), "Description").
[[nodiscard]] std::optional<std::string> problem_with_unit(std::string_view unit);
/// 8-4-4-4-12 lower-case hex digits.
[[nodiscard]] bool is_uuid(std::string_view text);
/// The UUID of a lower directory's file system that shows none.
inline constexpr std::string_view unknown_uuid = "unknown";

} // namespace sealmount
