// Options of GRUB's commands.
//
// Source: lib/arg.c, grub_arg_parse(), with its peculiarities: an option that is not known may pass as an
// argument, a value may follow its option, and after -- come only arguments.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sealmount {

struct CommandOption {
    std::string_view name; ///< the long form, without its dashes
    char letter = '\0';
    bool takes_value = false;
    bool is_value_optional = false;
};

struct ParsedOptions {
    /// By their long form; what is given without a value has one that is "nothing".
    std::map<std::string, std::vector<std::optional<std::string>>, std::less<>> options;
    std::vector<std::string> arguments;

    [[nodiscard]] bool has(const std::string_view name) const { return options.contains(name); }
    /// The last that was given.
    [[nodiscard]] std::optional<std::string> value(std::string_view name) const;
    /// All that were given.
    [[nodiscard]] std::vector<std::string> values(std::string_view name) const;
};

/// Nothing when GRUB refuses the arguments (or shows its help). `accepts_dash`: what looks like an option
/// and is none becomes an argument.
[[nodiscard]] std::optional<ParsedOptions> parse_options(std::span<const CommandOption> known,
                                                         const std::vector<std::string>& arguments,
                                                         bool accepts_dash);

} // namespace sealmount
