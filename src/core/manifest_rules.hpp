// What may stand in a manifest, value by value.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sealmount {

/// Nothing when the name, path, signature or cipher is acceptable; else the complaint, without the place.
[[nodiscard]] std::optional<std::string> complaint_about_name(std::string_view name);
[[nodiscard]] std::optional<std::string> complaint_about_path(std::string_view path);
[[nodiscard]] std::optional<std::string> complaint_about_signature(std::string_view signature);
[[nodiscard]] std::optional<std::string> complaint_about_cipher(std::string_view cipher,
                                                                std::int64_t key_bytes);
[[nodiscard]] std::optional<std::string> complaint_about_option(std::string_view option);

/// Is this the name of a cipher that eCryptfs has?
[[nodiscard]] bool is_cipher(std::string_view name);

} // namespace sealmount
