// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/script/script_source.hpp"

#include <algorithm>

namespace sealmount {

ScriptLines configuration_lines(const std::string_view text) {
    ScriptLines lines;
    unsigned number = 0;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        std::string line{text.substr(at, end - at)};
        ++number;
        std::erase(line, '\r');
        line.resize(std::min(line.find('\0'), line.size()));
        if (!line.starts_with('#')) {
            lines.push_back({.text = std::move(line), .number = number});
        }
        at = end + 1;
    }
    return lines;
}

} // namespace sealmount
