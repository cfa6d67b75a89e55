// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "app/arguments/arguments.hpp"

#include "base/error.hpp"
#include "base/format.hpp"
#include "base/text.hpp"

#include <algorithm>

namespace sealmount {

namespace {

using Takes = Argument::Takes;

/// For options that are given once at most.
std::function<void(const std::vector<std::string>&)> into(std::string& value) {
    return [&value](const std::vector<std::string>& values) { value = values.front(); };
}

std::function<void(const std::vector<std::string>&)> into(std::vector<std::string>& target) {
    return [&target](const std::vector<std::string>& values) { target = values; };
}

[[noreturn]] void refuse_value(const std::string& name, const std::string& value,
                               const std::string& expected) {
    throw Error{Reason::usage, formatted("{} {}: expected {}", name, in_quotes(value), expected)};
}

unsigned number_of(const std::string& name, const std::string& text, const NumberRange range,
                   const char* const more = "") {
    const auto number = decimal_in(text, range);
    if (!number) {
        refuse_value(name, text, expected_number(range) + more);
    }
    return *number;
}

} // namespace

void Arguments::argument(std::string name, std::string& value, std::string help) {
    positionals_.push_back(
        {.name = std::move(name), .value = {}, .help = std::move(help), .fallback = {}, .take = into(value)});
}

void Arguments::required_argument(std::string name, std::string& value, std::string help) {
    argument(std::move(name), value, std::move(help));
    positionals_.back().is_required = true;
}

void Arguments::required_arguments(std::string name, std::vector<std::string>& values, std::string help) {
    positionals_.push_back({.name = std::move(name),
                            .value = {},
                            .help = std::move(help),
                            .fallback = {},
                            .takes = Takes::each_one_value,
                            .is_required = true,
                            .take = into(values)});
}

void Arguments::flag(std::string name, bool& is_given, std::string help) {
    options_.push_back({.name = std::move(name),
                        .value = {},
                        .help = std::move(help),
                        .fallback = {},
                        .takes = Takes::nothing,
                        .take = [&is_given](const std::vector<std::string>&) { is_given = true; }});
}

void Arguments::option(std::string name, std::string value_name, std::string& value, std::string help) {
    options_.push_back({.name = std::move(name),
                        .value = std::move(value_name),
                        .help = std::move(help),
                        .fallback = value,
                        .take = into(value)});
}

void Arguments::option(std::string name, std::string value_name, std::optional<std::string>& value,
                       std::string help) {
    options_.push_back(
        {.name = std::move(name),
         .value = std::move(value_name),
         .help = std::move(help),
         .fallback = {},
         .may_be_empty = true,
         .take = [&value](const std::vector<std::string>& values) { value = values.front(); }});
}

void Arguments::required_option(std::string name, std::string value_name, std::string& value,
                                std::string help) {
    option(std::move(name), std::move(value_name), value, std::move(help));
    options_.back().is_required = true;
}

void Arguments::option(std::string name, std::string value_name, std::vector<std::string>& values,
                       std::string help) {
    options_.push_back({.name = std::move(name),
                        .value = std::move(value_name),
                        .help = std::move(help),
                        .fallback = {},
                        .takes = Takes::each_one_value,
                        .take = into(values)});
}

void Arguments::option_or_flag(std::string name, std::string value_name, std::vector<std::string>& values,
                               std::string help) {
    option(std::move(name), std::move(value_name), values, std::move(help));
    options_.back().takes = Takes::maybe_one_value;
}

void Arguments::choice(std::string name, std::vector<std::string> choices, std::string& value,
                       std::string help) {
    std::string value_name = join(choices, "|");
    options_.push_back({.name = name,
                        .value = std::move(value_name),
                        .help = std::move(help),
                        .fallback = value,
                        .take = [name, choices = std::move(choices), &value](const auto& values) {
                            if (std::ranges::count(choices, values.front()) == 0) {
                                refuse_value(name, values.front(), "one of " + join(choices));
                            }
                            value = values.front();
                        }});
}

void Arguments::number(std::string name, const NumberRange range, unsigned& value, std::string help) {
    options_.push_back({.name = name,
                        .value = "N",
                        .help = std::move(help),
                        .fallback = value == 0 ? "" : formatted("{}", value),
                        .take = [name, range, &value](const auto& values) {
                            value = number_of(name, values.front(), range);
                        }});
}

void Arguments::numbers(const std::string& name, const NumberRange range, std::vector<unsigned>& values,
                        std::string help) {
    options_.push_back({.name = name,
                        .value = "N",
                        .help = std::move(help),
                        .fallback = {},
                        .takes = Takes::each_one_value,
                        .take = [name, range, &values](const auto& texts) {
                            for (const std::string& text : texts) {
                                values.push_back(number_of(name, text, range,
                                                           "; for several, give the option several times"));
                            }
                        }});
}

void Arguments::seconds(std::string name, const NumberRange range, unsigned& value, std::string help) {
    options_.push_back({.name = name,
                        .value = "TIME",
                        .help = std::move(help),
                        .fallback = value == 0 ? "" : formatted("{}s", value),
                        .take = [name, range, &value](const auto& values) {
                            const auto seconds = seconds_in(values.front(), range);
                            if (!seconds) {
                                refuse_value(name, values.front(), expected_seconds(range));
                            }
                            value = *seconds;
                        }});
}

} // namespace sealmount
