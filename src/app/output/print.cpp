// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "app/output/print.hpp"

#include "base/error.hpp"
#include "base/format.hpp"

#include <nlohmann/json.hpp>

#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstring>

namespace sealmount {

void print_text(const std::string& text) {
    std::fputs(text.c_str(), stdout);
}

void print_error_text(const std::string& text) {
    std::fputs(text.c_str(), stderr);
}

void print_warnings(const std::vector<std::string>& warnings) {
    for (const std::string& warning : warnings) {
        print_error("sealmount: warning: {}\n", warning);
    }
}

void print_json(const Json& document) {
    constexpr int indent = 2;
    print_text(formatted("{}\n", document.dump(indent, ' ', false, Json::error_handler_t::replace)));
}

void confirm(const Confirmation& confirmation) {
    if (::isatty(STDIN_FILENO) == 0) {
        throw Error{Reason::usage, confirmation.otherwise};
    }
    print_error_text(confirmation.question);
    std::array<char, 256> line{};
    const bool is_answered = std::fgets(line.data(), static_cast<int>(line.size()), stdin) != nullptr;
    const bool is_confirmed = confirmation.word.empty() ? line.front() == 'y' || line.front() == 'Y'
                                                        : line.data() == confirmation.word + "\n";
    if (!is_answered || !is_confirmed) {
        throw Error{Reason::usage, confirmation.declined};
    }
}

} // namespace sealmount
