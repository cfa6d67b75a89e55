// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "app/arguments/nearest.hpp"

#include "base/format.hpp"

#include <algorithm>

namespace sealmount {

namespace {

constexpr std::size_t most_names = 3;
constexpr std::size_t shortest_beginning = 3;

/// Without the dashes of an option, which all options share.
std::string_view bare(std::string_view name) {
    name.remove_prefix(std::min(name.find_first_not_of('-'), name.size()));
    return name;
}

} // namespace

std::size_t edit_distance(const std::string_view one, const std::string_view other) {
    std::vector<std::vector<std::size_t>> cost(one.size() + 1, std::vector<std::size_t>(other.size() + 1));
    for (std::size_t i = 0; i <= one.size(); ++i) {
        for (std::size_t j = 0; j <= other.size(); ++j) {
            if (i == 0 || j == 0) {
                cost[i][j] = i + j;
                continue;
            }
            const std::size_t replaced = cost[i - 1][j - 1] + (one[i - 1] == other[j - 1] ? 0 : 1);
            cost[i][j] = std::min({replaced, cost[i - 1][j] + 1, cost[i][j - 1] + 1});
            if (i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1]) {
                cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
            }
        }
    }
    return cost[one.size()][other.size()];
}

std::vector<std::string> nearest(const std::string_view word, const std::vector<std::string>& names) {
    constexpr std::size_t farthest = 2;
    constexpr std::size_t longest_word = 64; // longer ones are not typing errors
    const std::string_view meant = bare(word);
    if (meant.empty() || meant.size() > longest_word) {
        return {};
    }
    std::vector<std::pair<std::size_t, std::string>> found;
    for (const std::string& name : names) {
        const std::string_view candidate = bare(name);
        const std::size_t distance = edit_distance(meant, candidate);
        const bool is_beginning = meant.size() >= shortest_beginning && candidate.starts_with(meant);
        // "-x" is not near to every short name.
        if (is_beginning ||
            (distance <= farthest && 2 * distance < std::max(meant.size(), candidate.size()))) {
            found.emplace_back(is_beginning ? 0 : distance, name);
        }
    }
    std::ranges::stable_sort(found, {}, &std::pair<std::size_t, std::string>::first);
    std::vector<std::string> result;
    for (auto& [distance, name] : found) {
        if (result.size() < most_names) {
            result.push_back(std::move(name));
        }
    }
    return result;
}

std::string did_you_mean(const std::string_view word, const std::vector<std::string>& names) {
    const std::vector<std::string> near = nearest(word, names);
    std::string text;
    for (std::size_t i = 0; i < near.size(); ++i) {
        const char* const before = i == 0 ? "; did you mean " : i + 1 == near.size() ? " or " : ", ";
        text += formatted("{}\"{}\"", before, near[i]);
    }
    return text.empty() ? text : text + "?";
}

} // namespace sealmount
