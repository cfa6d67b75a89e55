// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "app/arguments/command_line.hpp"

#include "app/arguments/nearest.hpp"
#include "base/error.hpp"
#include "base/format.hpp"
#include "base/text.hpp"

// The only file that includes it. It sorts words into options, values and the rest; everything that differs
// between its releases (numbers, lists, quoting, help, messages) is ours.
#include <CLI/CLI.hpp>

#include <algorithm>
#include <map>
#include <span>

namespace sealmount {

namespace {

using Takes = Argument::Takes;
using Strings = std::vector<std::string>;

constexpr const char* help_verb = "help";
/// Before each word that is not an option. CLI11 finds a meaning in some of them (lists in brackets, names of
/// subcommands, "++", numbers), another one in each release; in this form in none.
constexpr char mark = '@';
/// Behind the last word, so that an option there has something to take for its value.
constexpr const char* end_of_words = "-";

bool looks_like_option(const std::string& word) {
    return word.size() > 1 && word.front() == '-';
}

std::string name_part(const std::string& word) {
    return word.substr(0, word.find('='));
}

/// "vault" -> "@vault", "--lower=/x" -> "--lower=@/x". What stands behind "--" is never an option.
Strings marked(const Strings& words) {
    Strings result;
    bool only_values = false;
    for (const std::string& word : words) {
        if (!only_values && word == "--") {
            only_values = true;
        } else if (only_values || !looks_like_option(word)) {
            result.push_back(mark + word);
        } else if (const std::size_t equals = word.find('='); equals != std::string::npos) {
            result.push_back(word.substr(0, equals + 1) + mark + word.substr(equals + 1));
        } else {
            result.push_back(word);
        }
    }
    result.emplace_back(end_of_words);
    return result;
}

bool is_marked(const std::string& word) {
    return !word.empty() && word.front() == mark;
}

/// The word as it was written.
std::string unmarked(const std::string& word) {
    if (is_marked(word)) {
        return word.substr(1);
    }
    const std::size_t equals = word.find('=');
    return equals == std::string::npos ? word : word.substr(0, equals + 1) + word.substr(equals + 2);
}

/// What CLI11 knows of a verb, or of the program: its options. Positional arguments are what is left over.
class Level {
  public:
    Level(CLI::App& app, const Arguments& common, const Arguments& own) : app_(app) {
        app.set_help_flag();
        app.allow_extras();
        help_ = app.add_flag("-h,--help");
        help_->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
        for (const Arguments* const arguments : {&common, &own}) {
            for (const Argument& option : arguments->options()) {
                declare(option);
            }
        }
    }

    [[nodiscard]] bool was_parsed() const { return app_.parsed(); }
    [[nodiscard]] bool wants_help() const { return help_->count() > 0; }
    /// Unknown options and positional arguments.
    [[nodiscard]] Strings left_over() const {
        Strings words = app_.remaining(false);
        std::erase(words, end_of_words);
        return words;
    }

    [[nodiscard]] Strings names() const {
        Strings result{"--help"};
        for (const auto& [option, declared] : options_) {
            result.push_back(option->name.substr(option->name.rfind(',') + 1)); // "-V,--version"
        }
        std::ranges::sort(result);
        return result;
    }

    /// As CLI11 found them.
    [[nodiscard]] Strings results(const Argument& option) const { return options_.at(&option)->results(); }

  private:
    void declare(const Argument& option) {
        CLI::Option* const declared =
            option.takes == Takes::nothing ? app_.add_flag(option.name) : app_.add_option(option.name);
        declared->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
        if (option.takes == Takes::maybe_one_value) {
            declared->expected(0, 1);
        }
        declared->allow_extra_args(false);
        options_.emplace(&option, declared);
    }

    CLI::App& app_;
    CLI::Option* help_ = nullptr;
    std::map<const Argument*, CLI::Option*> options_;
};

[[noreturn]] void refuse(const std::string& message) {
    throw Error{Reason::usage, message};
}

/// The values of an option as they were written; "" for a missing one, where that is allowed.
Strings values_of(const Argument& option, const Level& level) {
    const Strings known = level.names();
    Strings values;
    for (const std::string& result : level.results(option)) {
        const bool has_value = is_marked(result);
        if (option.takes == Takes::nothing) {
            if (has_value) {
                refuse(formatted("{} takes no value", option.name));
            }
            values.emplace_back();
        } else if (!has_value && option.takes == Takes::maybe_one_value) {
            if (looks_like_option(result)) {
                refuse(formatted("{} {}: write a value that begins with - as {}={}", option.name,
                                 in_quotes(unmarked(result)), option.name, unmarked(result)));
            }
            values.emplace_back(); // alone
        } else if (has_value && !option.may_be_empty && unmarked(result).empty()) {
            refuse(formatted("{} needs a value that is not empty: {} {}", option.name, option.name,
                             option.value));
        } else if (result == end_of_words ||
                   (!has_value && std::ranges::count(known, name_part(result)) > 0)) {
            refuse(formatted("{} needs a value: {} {}", option.name, option.name, option.value));
        } else {
            values.push_back(unmarked(result));
        }
    }
    if (option.takes == Takes::one_value && values.size() > 1) {
        refuse(formatted("{} is given {} times: it takes one value", option.name, values.size()));
    }
    return values;
}

/// Where to read more.
std::string see_help(const CommandTable& table, const DeclaredVerb* const verb) {
    return verb == nullptr
               ? formatted("'{} help' lists the commands", table.program)
               : formatted("'{} help {}' lists its arguments and options", table.program, verb->name);
}

Strings verb_names(const CommandTable& table) {
    Strings names;
    std::ranges::transform(table.verbs, std::back_inserter(names), &DeclaredVerb::name);
    names.emplace_back(help_verb);
    return names;
}

[[noreturn]] void refuse_verb(const CommandTable& table, const std::string& name) {
    const std::string meant = did_you_mean(name, verb_names(table));
    refuse(formatted("unknown command {}{}", in_quotes(name),
                     meant.empty() ? "; " + see_help(table, nullptr) : meant));
}

/// Only its name: what follows may be a secret that somebody thought could be given here.
[[noreturn]] void refuse_option(const CommandTable& table, const DeclaredVerb* const verb,
                                const Strings& known, const std::string& word) {
    const std::string name = name_part(word);
    const std::string meant = did_you_mean(name, known);
    refuse(formatted("unknown option {}{}{}", in_quotes(name),
                     verb == nullptr ? "" : formatted(" of '{} {}'", table.program, verb->name),
                     meant.empty() ? "; " + see_help(table, verb) : meant));
}

bool is_option_of(const DeclaredVerb& verb, const std::string& name) {
    return std::ranges::any_of(verb.arguments.options(),
                               [&](const Argument& option) { return option.name == name; });
}

/// What stands before the verb's name, and is neither a common option nor a value of one.
void refuse_before_verb(const CommandTable& table, const DeclaredVerb* const verb, const Level& program) {
    for (const std::string& word : program.left_over()) {
        if (is_marked(word)) {
            refuse_verb(table, unmarked(word));
        }
        if (verb != nullptr && is_option_of(*verb, name_part(word))) {
            refuse(formatted("{} stands before its command: write '{} {} {} ...'", name_part(word),
                             table.program, verb->name, name_part(word)));
        }
        refuse_option(table, nullptr, program.names(), word);
    }
}

void give(const std::vector<Argument>& options, const Level& level) {
    for (const Argument& option : options) {
        if (const Strings values = values_of(option, level); !values.empty()) {
            option.take(values);
        }
    }
}

/// One value before the command and another one behind it: neither wins in silence.
void refuse_on_both_sides(const Arguments& common, const Level& program, const Level& verb) {
    for (const Argument& option : common.options()) {
        if (option.takes == Takes::one_value && !program.results(option).empty() &&
            !verb.results(option).empty()) {
            refuse(
                formatted("{} is given before the command and behind it: it takes one value", option.name));
        }
    }
}

/// The words that are not options, to the positional arguments in their order.
void give_positionals(const CommandTable& table, const DeclaredVerb& verb, const Strings& words) {
    std::span<const std::string> rest{words};
    for (const Argument& positional : verb.arguments.positionals()) {
        const std::size_t wanted = positional.takes == Takes::each_one_value ? rest.size() : 1;
        if (rest.empty()) {
            if (positional.is_required) {
                refuse(formatted("'{} {}' needs {}: {}; {}", table.program, verb.name, positional.name,
                                 positional.help, see_help(table, &verb)));
            }
            continue;
        }
        positional.take({rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(wanted)});
        rest = rest.subspan(wanted);
    }
    if (!rest.empty()) {
        refuse(formatted("'{} {}' takes {}: {} is too much; {}", table.program, verb.name,
                         verb.arguments.positionals().empty() ? std::string{"no arguments"}
                         : verb.arguments.positionals().size() == 1
                             ? "one " + verb.arguments.positionals().front().name
                             : formatted("{} arguments", verb.arguments.positionals().size()),
                         in_quotes(rest.front()), see_help(table, &verb)));
    }
}

void give_all(const CommandTable& table, const DeclaredVerb& verb, const Level& level) {
    Strings positionals;
    for (const std::string& word : level.left_over()) {
        if (!is_marked(word)) {
            refuse_option(table, &verb, level.names(), word);
        }
        positionals.push_back(unmarked(word));
    }
    give(verb.arguments.options(), level);
    give_positionals(table, verb, positionals);
    for (const Argument& option : verb.arguments.options()) {
        if (option.is_required && level.results(option).empty()) {
            refuse(formatted("'{} {}' needs {} {}: {}; {}", table.program, verb.name, option.name,
                             option.value, option.help, see_help(table, &verb)));
        }
    }
}

/// "help", or "help VERB".
Wish help_about(const CommandTable& table, const Strings& words) {
    if (words.empty()) {
        return {.kind = Wish::Kind::show_help};
    }
    const std::string name = unmarked(words.front());
    const DeclaredVerb* const verb = table.find(name);
    if (verb == nullptr && name != help_verb) {
        refuse_verb(table, name);
    }
    return {.kind = Wish::Kind::show_help, .verb = verb};
}

} // namespace

const DeclaredVerb* CommandTable::find(const std::string& name) const {
    const auto found = std::ranges::find(verbs, name, &DeclaredVerb::name);
    return found == verbs.end() ? nullptr : &*found;
}

Wish read_command_line(const CommandTable& table, const std::vector<std::string>& words) {
    CLI::App app;
    bool version = false;
    Arguments own;
    own.flag("-V,--version", version, "");
    const Level program{app, table.common, own};
    app.require_subcommand(0, 1);
    const Level help{*app.add_subcommand(mark + std::string{help_verb}), table.common, {}};
    std::vector<std::pair<const DeclaredVerb*, Level>> levels;
    for (const DeclaredVerb& verb : table.verbs) {
        levels.emplace_back(&verb,
                            Level{*app.add_subcommand(mark + verb.name), table.common, verb.arguments});
    }
    Strings backwards = marked(words);
    std::ranges::reverse(backwards);
    app.parse(backwards); // refuses nothing: each option finds a value, and what is left over is kept

    const auto parsed =
        std::ranges::find_if(levels, [](const auto& entry) { return entry.second.was_parsed(); });
    const DeclaredVerb* const verb = parsed == levels.end() ? nullptr : parsed->first;
    give(own.options(), program);
    give(table.common.options(), program);
    if (version) {
        return {.kind = Wish::Kind::show_version};
    }
    if (program.wants_help() || (verb != nullptr && parsed->second.wants_help())) {
        return {.kind = Wish::Kind::show_help, .verb = verb};
    }
    if (verb != nullptr) {
        refuse_on_both_sides(table.common, program, parsed->second);
        give(table.common.options(), parsed->second);
    }
    refuse_before_verb(table, verb, program);
    if (help.was_parsed()) {
        return help_about(table, help.left_over());
    }
    if (verb == nullptr) {
        refuse("no command is given; " + see_help(table, nullptr));
    }
    give_all(table, *verb, parsed->second);
    return {.kind = Wish::Kind::run, .verb = verb};
}

} // namespace sealmount
