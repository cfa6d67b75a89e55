// `test` and `[`.
//
// Source: commands/test.c.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/grub/commands.hpp"

#include <algorithm>
#include <array>

namespace sealmount {

namespace {

/// commands/test.c in Debian: MAX_TEST_RECURSION_DEPTH is 100.
constexpr unsigned deepest_parentheses = 60;

/// grub_strtosl(): what is not a number is 0.
long long signed_number(const std::string& text) {
    const bool is_negative = text.starts_with('-');
    const auto number = grub_number(std::string_view{text}.substr(is_negative ? 1 : 0), nullptr).value_or(0);
    const auto value = static_cast<long long>(number);
    return is_negative ? static_cast<long long>(0 - number) : value;
}

/// Numbers behind what both have in common: "vmlinuz-2" before "vmlinuz-11".
std::pair<unsigned long long, unsigned long long> behind_prefix(const std::string& a, const std::string& b) {
    std::size_t common = 0;
    while (common < a.size() && common < b.size() && a[common] == b[common]) {
        ++common;
    }
    // As the original goes back over digits; the first character is never looked at.
    std::size_t from = common;
    while (from > 1 && a[from - 1] >= '0' && a[from - 1] <= '9') {
        --from;
    }
    return {grub_number(std::string_view{a}.substr(std::min(from, a.size())), nullptr).value_or(0),
            grub_number(std::string_view{b}.substr(std::min(from, b.size())), nullptr).value_or(0)};
}

class TestExpression {
  public:
    TestExpression(GrubRun& run, const std::span<const std::string> arguments)
        : run_(run), arguments_(arguments) {}

    bool evaluate() {
        Level level;
        while (at_ < arguments_.size()) {
            const std::string& argument = arguments_[at_];
            if (take_comparison(level) || take_question(level)) {
                continue;
            }
            ++at_;
            if (argument == ")") {
                break;
            }
            if (argument == "(") {
                if (++depth_ > deepest_parentheses) {
                    run_.stop("a test with more parentheses than GRUB allows");
                }
                level.add(evaluate());
                --depth_;
            } else if (argument == "!") {
                level.is_inverted = !level.is_inverted;
            } else if (argument == "-o") {
                level.any = level.any || level.all;
                level.all = true;
            } else if (argument != "-a") {
                level.add(!argument.empty());
            }
        }
        return level.any || level.all;
    }

  private:
    struct Level {
        bool any = false;
        bool all = true;
        bool is_inverted = false;

        void add(const bool value) {
            all = all && value != is_inverted;
            is_inverted = false;
        }
    };

    std::optional<bool> compared(const std::string& a, const std::string& how, const std::string& b) {
        const auto numbers = [&] { return signed_number(a) <=> signed_number(b); };
        if (how == "=" || how == "==") {
            return a == b;
        }
        if (how == "!=") {
            return a != b;
        }
        if (how == "<" || how == "<=" || how == ">" || how == ">=") {
            const int order = a.compare(b);
            return how == "<" ? order < 0 : how == "<=" ? order <= 0 : how == ">" ? order > 0 : order >= 0;
        }
        if (how == "-eq" || how == "-ne") {
            return (numbers() == 0) == (how == "-eq");
        }
        if (how == "-ge" || how == "-lt") {
            return (numbers() >= 0) == (how == "-ge");
        }
        if (how == "-gt" || how == "-le") {
            return (numbers() > 0) == (how == "-gt");
        }
        if (how == "-pgt" || how == "-plt") {
            const auto [first, second] = behind_prefix(a, b);
            return how == "-pgt" ? first > second : first < second;
        }
        if (how.starts_with("-nt") || how.starts_with("-ot")) {
            run_.stop("the times of files are compared");
        }
        return std::nullopt;
    }

    bool take_comparison(Level& level) {
        if (at_ + 2 >= arguments_.size()) {
            return false;
        }
        const auto value = compared(arguments_[at_], arguments_[at_ + 1], arguments_[at_ + 2]);
        if (value) {
            level.add(*value);
            at_ += 3;
        }
        return value.has_value();
    }

    std::optional<bool> asked(const std::string& question, const std::string& what) {
        if (question == "-d" || question == "-e" || question == "-f") {
            const GrubFileKind kind = run_.kind(what);
            return question == "-e"
                       ? kind != GrubFileKind::missing
                       : kind == (question == "-d" ? GrubFileKind::directory : GrubFileKind::file);
        }
        if (question == "-s") {
            const auto file = run_.open(what);
            return file && !run_.read(*file).empty();
        }
        if (question == "-n" || question == "-z") {
            return what.empty() == (question == "-z");
        }
        return std::nullopt;
    }

    bool take_question(Level& level) {
        if (at_ + 1 >= arguments_.size()) {
            return false;
        }
        const auto value = asked(arguments_[at_], arguments_[at_ + 1]);
        if (value) {
            level.add(*value);
            at_ += 2;
        }
        return value.has_value();
    }

    GrubRun& run_;
    std::span<const std::string> arguments_;
    std::size_t at_ = 0;
    unsigned depth_ = 0;
};

} // namespace

GrubStatus test_command(GrubRun& run, const GrubCall& call) {
    std::span<const std::string> arguments = call.arguments;
    if (!arguments.empty() && arguments.back() == "]") {
        arguments = arguments.first(arguments.size() - 1);
    }
    return TestExpression{run, arguments}.evaluate() ? grub_success : grub_status(GrubError::test_failure);
}

} // namespace sealmount
