// What a verb takes from the command line: the names of its arguments and options, what they stand for, and
// where the values go. Values arrive as they were written: nothing in them is split, unescaped or expanded.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "app/arguments/values.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace sealmount {

/// One of them, as it was declared.
struct Argument {
    /// What may stand behind the name of an option.
    enum class Takes {
        nothing,        ///< a flag
        one_value,      ///< once
        each_one_value, ///< several times
        maybe_one_value ///< several times, also without
    };

    std::string name;  ///< "--lower"; of a positional argument "NAME"
    std::string value; ///< "DIR"; "" for flags and positional arguments
    std::string help;
    std::string fallback; ///< what holds when it is not given, for help; "" where there is nothing to say
    Takes takes = Takes::one_value;
    bool is_required = false;
    bool may_be_empty =
        false; ///< "" is a value like any other; else it is refused, as a variable of a script may be
    /// Gets all values in their order. Throws Error{usage}.
    std::function<void(const std::vector<std::string>&)> take;
};

/// Everything that one verb takes. The variables hold the defaults when they are declared, get the values
/// when the command line is read, and must live until then.
class Arguments {
  public:
    // Positional arguments, in their order.
    void argument(std::string name, std::string& value, std::string help);
    void required_argument(std::string name, std::string& value, std::string help);
    /// One or more; the last to be declared.
    void required_arguments(std::string name, std::vector<std::string>& values, std::string help);

    void flag(std::string name, bool& is_given, std::string help);

    // Options with a value: `value_name` says what kind of thing it is: FILE, DIR, N, NAME ...
    void option(std::string name, std::string value_name, std::string& value, std::string help);
    /// The value may be empty.
    void option(std::string name, std::string value_name, std::optional<std::string>& value,
                std::string help);
    void required_option(std::string name, std::string value_name, std::string& value, std::string help);
    /// May be given several times.
    void option(std::string name, std::string value_name, std::vector<std::string>& values, std::string help);
    /// Several times, and without a value too: "" then.
    void option_or_flag(std::string name, std::string value_name, std::vector<std::string>& values,
                        std::string help);
    /// One of `choices`.
    void choice(std::string name, std::vector<std::string> choices, std::string& value, std::string help);
    void number(std::string name, NumberRange range, unsigned& value, std::string help);
    /// May be given several times, one number each.
    void numbers(const std::string& name, NumberRange range, std::vector<unsigned>& values, std::string help);
    /// Seconds, or a time such as 5min.
    void seconds(std::string name, NumberRange range, unsigned& value, std::string help);

    [[nodiscard]] const std::vector<Argument>& positionals() const { return positionals_; }
    [[nodiscard]] const std::vector<Argument>& options() const { return options_; }

  private:
    std::vector<Argument> positionals_;
    std::vector<Argument> options_;
};

} // namespace sealmount
