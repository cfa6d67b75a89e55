// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "app/arguments/help.hpp"

#include "app/arguments/values.hpp"
#include "base/format.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <sstream>

namespace sealmount {

namespace {

using Takes = Argument::Takes;

constexpr std::size_t narrowest = 50;
constexpr std::size_t widest = 100;
constexpr std::size_t usual_width = 80;
constexpr std::size_t margin = 2;

/// Lines of help at one width.
class Page {
  public:
    explicit Page(const std::size_t width) : width_(width) {}

    void add_line(const std::string& line = {}) { text_ += line + "\n"; }

    /// Wrapped between words; lines after the first begin at column `indent`.
    void add_paragraph(const std::string& text, const std::size_t indent = 0, std::string line = {}) {
        std::istringstream words{text};
        bool is_first = true;
        for (std::string word; words >> word; is_first = false) {
            if (!is_first && line.size() + 1 + word.size() > width_) {
                add_line(line);
                line = std::string(indent, ' ');
                is_first = true;
            }
            line += (is_first ? "" : " ") + word;
        }
        add_line(line);
    }

    /// A name, and beside it, or below where the name is long, what it means.
    void add_entry(const std::string& name, const std::string& meaning, const std::size_t column) {
        const std::string start = std::string(margin, ' ') + name;
        if (start.size() + margin > column) {
            add_paragraph(name, 2 * margin, std::string(margin, ' '));
            add_paragraph(meaning, column, std::string(column, ' '));
        } else {
            add_paragraph(meaning, column, start + std::string(column - start.size(), ' '));
        }
    }

    /// For names of options: beside them where there is room for it.
    [[nodiscard]] std::size_t option_column() const {
        constexpr std::size_t beside = 30;
        constexpr std::size_t below = 8;
        return width_ < usual_width ? below : beside;
    }

    [[nodiscard]] std::string take() { return std::move(text_); }

  private:
    std::size_t width_;
    std::string text_;
};

std::string sentence(std::string text) {
    text.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(text.front())));
    return text + ".";
}

/// "--lower DIR", "--replace [OLD=NEW]"
std::string with_value(const Argument& option) {
    switch (option.takes) {
    case Takes::nothing:
        return option.name;
    case Takes::maybe_one_value:
        return option.name + " [" + option.value + "]";
    case Takes::one_value:
    case Takes::each_one_value:
        break;
    }
    return option.value.empty() ? option.name : option.name + " " + option.value;
}

std::string meaning_of(const Argument& argument) {
    std::string meaning = argument.help;
    // Of a positional argument, the usage line shows it.
    const bool is_option = !argument.value.empty();
    if (is_option && (argument.takes == Takes::each_one_value || argument.takes == Takes::maybe_one_value)) {
        meaning += "; may be repeated";
    }
    return argument.fallback.empty() ? meaning : meaning + " (default: " + argument.fallback + ")";
}

/// "sealmount inspect [OPTION...] DIR"
std::string usage_of(const CommandTable& table, const DeclaredVerb& verb) {
    std::string usage = formatted("Usage: {} {}", table.program, verb.name);
    for (const Argument& option : verb.arguments.options()) {
        usage += option.is_required ? " " + with_value(option) : "";
    }
    usage += " [OPTION...]";
    for (const Argument& positional : verb.arguments.positionals()) {
        const std::string name = positional.name + (positional.takes == Takes::each_one_value ? "..." : "");
        usage += positional.is_required ? " " + name : " [" + name + "]";
    }
    return usage;
}

void add_arguments(Page& page, const std::vector<Argument>& arguments, const std::size_t column) {
    for (const Argument& argument : arguments) {
        page.add_entry(with_value(argument), meaning_of(argument), column);
    }
}

/// Names of positional arguments and verbs are short: as much room as the longest needs.
template<typename Named>
std::size_t column_for(const std::vector<Named>& named) {
    std::size_t longest = 0;
    for (const auto& one : named) {
        longest = std::max(longest, one.name.size());
    }
    return margin + longest + margin;
}

void add_common(Page& page, const CommandTable& table) {
    page.add_line();
    page.add_line("Options of all commands:");
    add_arguments(page, table.common.options(), page.option_column());
    page.add_entry("-h, --help", "show this help", page.option_column());
}

void describe_verb(Page& page, const CommandTable& table, const DeclaredVerb& verb) {
    page.add_paragraph(usage_of(table, verb), 2 * margin);
    page.add_line();
    page.add_paragraph(sentence(verb.summary));
    if (!verb.arguments.positionals().empty()) {
        page.add_line();
        page.add_line("Arguments:");
        add_arguments(page, verb.arguments.positionals(), column_for(verb.arguments.positionals()));
    }
    if (!verb.arguments.options().empty()) {
        page.add_line();
        page.add_line("Options:");
        add_arguments(page, verb.arguments.options(), page.option_column());
    }
}

void describe_program(Page& page, const CommandTable& table) {
    page.add_paragraph(formatted("Usage: {} [OPTION...] COMMAND [ARGUMENT...]", table.program), 2 * margin);
    page.add_line();
    page.add_paragraph(sentence(table.summary));
    std::string group;
    for (const DeclaredVerb& verb : table.verbs) {
        if (verb.group != group) {
            group = verb.group;
            page.add_line();
            page.add_line(group + ":");
        }
        page.add_entry(verb.name, verb.summary, column_for(table.verbs));
    }
    page.add_line();
    page.add_paragraph(
        formatted("'{} help COMMAND' lists the arguments and options of a command.", table.program));
}

} // namespace

std::size_t help_width() {
    std::size_t columns = usual_width;
    const char* const variable = std::getenv("COLUMNS");
    winsize size{};
    if (const auto set = variable == nullptr ? std::nullopt : decimal(variable); set && *set > 0) {
        columns = static_cast<std::size_t>(*set);
    } else if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
        columns = size.ws_col;
    }
    return std::clamp(columns, narrowest, widest);
}

std::string help_text(const CommandTable& table, const DeclaredVerb* const verb, const std::size_t width) {
    Page page{width};
    if (verb != nullptr) {
        describe_verb(page, table, *verb);
    } else {
        describe_program(page, table);
    }
    add_common(page, table);
    if (verb == nullptr) {
        page.add_entry("-V, --version", "show the version", page.option_column());
    }
    page.add_line();
    page.add_paragraph("Manuals: " + table.manuals, 2 * margin);
    return page.take();
}

} // namespace sealmount
