// What people and programs read: text on standard output, messages on standard error, JSON, and a question
// before something is done.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "base/format.hpp"
#include "base/strict_json.hpp"

#include <string>
#include <utility>
#include <vector>

namespace sealmount {

/// As they are: to standard output, to standard error.
void print_text(const std::string& text);
void print_error_text(const std::string& text);

/// formatted(), to standard output.
template<typename... Values>
void print(fmt::format_string<Values...> text, Values&&... values) {
    print_text(formatted(text, std::forward<Values>(values)...));
}

/// formatted(), to standard error.
template<typename... Values>
void print_error(fmt::format_string<Values...> text, Values&&... values) {
    print_error_text(formatted(text, std::forward<Values>(values)...));
}

/// "sealmount: warning: ..." for each, to standard error.
void print_warnings(const std::vector<std::string>& warnings);

/// The document that --json asked for. Bytes that are not UTF-8, as file names may have, become U+FFFD.
void print_json(const Json& document);

/// A question before something is done.
struct Confirmation {
    std::string question;
    std::string word;      ///< the answer, in full; "" for "y"
    std::string otherwise; ///< the message where nobody can be asked
    std::string declined;  ///< the message when the answer is another one
};
/// Asks where standard input is a terminal. Throws Error{usage} unless somebody confirms.
void confirm(const Confirmation& confirmation);

} // namespace sealmount
