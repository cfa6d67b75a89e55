// regexp, increment and decrement.
//
// Source: commands/regexp.c, whose expressions are those of the C library (POSIX.1-2017, XBD 9.4);
// Fedora's commands/increment.c.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/grub/command_options.hpp"
#include "core/grub/commands.hpp"

#include <regex.h>

#include <array>
#include <memory>

namespace sealmount {

namespace {

constexpr std::array regexp_options = {CommandOption{.name = "set", .letter = 's', .takes_value = true}};
constexpr std::size_t longest_expression = 256;
constexpr std::size_t longest_subject = 1024;

/// Only what takes little time and memory, whatever it says: without counts and without references back.
bool is_harmless(const std::string& expression) {
    for (std::size_t at = 0; at + 1 < expression.size(); ++at) {
        if (expression[at] == '\\' && expression[at + 1] >= '0' && expression[at + 1] <= '9') {
            return false;
        }
    }
    return expression.size() <= longest_expression && expression.find('{') == std::string::npos;
}

struct FreeExpression {
    void operator()(regex_t* const expression) const noexcept { ::regfree(expression); }
};

void set_match(GrubRun& run, const std::string& wanted, const std::string& subject,
               const std::span<const regmatch_t> matches) {
    const std::size_t colon = wanted.find(':');
    const auto number = colon == std::string::npos ? std::optional{1ULL} : grub_number(wanted, nullptr, 10);
    const std::string variable = colon == std::string::npos ? wanted : wanted.substr(colon + 1);
    if (!number || *number >= matches.size() || matches[*number].rm_so < 0) {
        run.unset_variable(variable);
        return;
    }
    const regmatch_t& match = matches[*number];
    run.set_variable(variable, subject.substr(static_cast<std::size_t>(match.rm_so),
                                              static_cast<std::size_t>(match.rm_eo - match.rm_so)));
}

} // namespace

GrubStatus regexp_command(GrubRun& run, const GrubCall& call) {
    const auto parsed = parse_options(regexp_options, call.arguments, false);
    if (!parsed || parsed->arguments.size() != 2) {
        return grub_failure(GrubError::bad_argument);
    }
    const std::string& expression = parsed->arguments[0];
    const std::string& subject = parsed->arguments[1];
    if (!is_harmless(expression) || subject.size() > longest_subject) {
        run.stop("a regular expression that could take long");
    }
    regex_t compiled{};
    if (::regcomp(&compiled, expression.c_str(), REG_EXTENDED) != 0) {
        return grub_status(GrubError::test_failure);
    }
    const std::unique_ptr<regex_t, FreeExpression> owner{&compiled};
    std::vector<regmatch_t> matches(compiled.re_nsub + 1);
    if (::regexec(&compiled, subject.c_str(), matches.size(), matches.data(), 0) != 0) {
        return grub_status(GrubError::test_failure);
    }
    for (const std::string& wanted : parsed->values("set")) {
        set_match(run, wanted, subject, matches);
    }
    return grub_success;
}

GrubStatus increment_command(GrubRun& run, const GrubCall& call) {
    if (call.arguments.size() != 1) {
        return grub_failure(GrubError::bad_argument);
    }
    const std::string& variable = call.arguments.front();
    const std::string* const value = run.environment.get(variable);
    const auto number = value != nullptr ? grub_number(*value, nullptr) : std::nullopt;
    if (!number || *number > 0x7ffffffe) {
        run.stop("a counter that is not a number");
    }
    const long long counted = static_cast<long long>(*number) + (call.name == "increment" ? 1 : -1);
    run.set_variable(variable, std::to_string(counted));
    return grub_success;
}

} // namespace sealmount
