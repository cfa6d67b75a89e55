// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/grub/environment_block.hpp"

#include <optional>

namespace sealmount {

namespace {

constexpr std::string_view signature = "# GRUB Environment Block\n";

/// The newline at the end of what begins at `at`, a backslash hiding the character behind it; nothing when
/// the block ends before.
std::optional<std::size_t> line_end(const std::string_view block, std::size_t at) {
    while (at < block.size() && block[at] != '\n') {
        at += block[at] == '\\' ? 2 : 1;
    }
    return at < block.size() ? std::optional{at} : std::nullopt;
}

std::string escaped(const std::string_view value) {
    std::string out;
    for (const char c : value) {
        out += c == '\\' || c == '\n' ? std::string{'\\', c} : std::string{c};
    }
    return out;
}

/// Where the value of that variable begins, if it has one before `end`.
std::optional<std::size_t> find_value(const std::string_view block, const std::string& name,
                                      const std::size_t end) {
    for (std::size_t at = signature.size(); at + name.size() + 1 < end;) {
        if (block.substr(at).starts_with(name) && block[at + name.size()] == '=') {
            return at + name.size() + 1;
        }
        const auto newline = line_end(block, at);
        if (!newline) {
            return std::nullopt;
        }
        at = *newline + 1;
    }
    return std::nullopt;
}

} // namespace

bool is_environment_block(const std::string_view block) noexcept {
    return block.size() > signature.size() && block.starts_with(signature);
}

std::vector<std::pair<std::string, std::string>> variables_of_block(const std::string_view block) {
    std::vector<std::pair<std::string, std::string>> variables;
    for (std::size_t at = signature.size(); at < block.size();) {
        if (block[at] == '#') {
            const auto end = line_end(block, at);
            if (!end) {
                break;
            }
            at = *end + 1;
            continue;
        }
        const std::size_t equals = block.find('=', at);
        const auto end = equals == std::string_view::npos ? std::nullopt : line_end(block, equals + 1);
        if (!end) {
            break;
        }
        std::string value;
        for (std::size_t from = equals + 1; from < *end; ++from) {
            from += block[from] == '\\' ? 1 : 0;
            value += block[from];
        }
        variables.emplace_back(std::string{block.substr(at, equals - at)}, std::move(value));
        at = *end + 1;
    }
    return variables;
}

bool set_in_block(std::string& block, const std::string& name, const std::string_view value) {
    const std::size_t last = block.find_last_not_of('#');
    if (last == std::string::npos || last + 1 < signature.size() || block[last] != '\n') {
        return false;
    }
    const std::size_t space = last + 1;
    const std::size_t size = block.size();
    const std::string written = escaped(value);
    if (const auto begin = find_value(block, name, space)) {
        const auto end = line_end(block, *begin);
        if (!end || size - space + (*end - *begin) < written.size()) {
            return false;
        }
        block.replace(*begin, *end - *begin, written);
    } else {
        if (size - space < name.size() + written.size() + 2) {
            return false;
        }
        std::string line = name;
        line.append("=").append(written).append("\n");
        block.replace(space, line.size(), line);
    }
    block.resize(size, '#');
    return true;
}

void unset_in_block(std::string& block, const std::string& name) {
    const std::size_t size = block.size();
    const auto begin = find_value(block, name, size);
    const auto end = begin ? line_end(block, *begin) : std::nullopt;
    if (end) {
        const std::size_t from = *begin - name.size() - 1;
        block.erase(from, *end + 1 - from);
        block.resize(size, '#');
    }
}

} // namespace sealmount
