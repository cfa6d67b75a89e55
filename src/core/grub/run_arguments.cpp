// From the words of a command to its arguments.
//
// Source: script/execute.c (grub_script_arglist_to_argv(), grub_script_env_get(), gettext_append()) and
// script/argv.c. What is here between backslashes is there, too: arguments are kept with a backslash before
// what is not a pattern until all of them are known.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/grub/run.hpp"

#include <algorithm>
#include <utility>

namespace sealmount {

namespace {

constexpr std::size_t longest_argument = std::size_t{1} << 20U;

std::string escaped_pattern(const std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '*' || c == '?' || c == '\\') {
            out += '\\';
        }
        out += c;
    }
    return out;
}

/// A bare variable's value: its * and ? stay patterns.
std::string escaped_backslashes(const std::string_view text) {
    std::string out;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] == '\\') {
            const bool before_pattern = at + 1 < text.size() && (text[at + 1] == '?' || text[at + 1] == '*');
            out += before_pattern ? "\\\\" : "\\";
        }
        out += text[at];
    }
    return out;
}

std::string unescaped_pattern(const std::string_view text) {
    std::string out;
    for (std::size_t at = 0; at < text.size(); ++at) {
        at += text[at] == '\\' && at + 1 < text.size() ? 1 : 0;
        out += text[at];
    }
    return out;
}

/// commands/wildcard.c, wildcard_expand(): only names of files are patterns.
bool is_pattern(const std::string_view text) {
    if (text.empty() || (text[0] != '/' && text[0] != '(' && text[0] != '*')) {
        return false;
    }
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] == '*' || text[at] == '?') {
            return true;
        }
        at += text[at] == '\\' ? 1 : 0;
    }
    return false;
}

/// script/argv.c: an argument that nothing was added to, not even an empty text, is not there.
class ArgumentList {
  public:
    void next() {
        if (arguments_.empty() || arguments_.back()) {
            arguments_.emplace_back();
        }
    }
    void append(const std::string_view text) {
        if (!arguments_.back()) {
            arguments_.back().emplace();
        }
        arguments_.back()->append(text);
        size_ += text.size();
    }
    /// All whitespace parts two arguments.
    void append_split(const std::string_view text) {
        bool is_first = true;
        for (std::size_t at = 0; at < text.size();) {
            const std::size_t end = static_cast<std::size_t>(
                std::find_if(text.begin() + static_cast<std::ptrdiff_t>(at), text.end(), is_grub_space) -
                text.begin());
            if (end > at) {
                if (!std::exchange(is_first, false)) {
                    next();
                }
                append(text.substr(at, end - at));
            }
            at = end + 1;
        }
    }
    [[nodiscard]] std::size_t size() const noexcept { return size_ + arguments_.size(); }
    [[nodiscard]] std::vector<std::optional<std::string>> take() {
        if (!arguments_.empty() && !arguments_.back()) {
            arguments_.pop_back();
        }
        return std::move(arguments_);
    }

  private:
    std::vector<std::optional<std::string>> arguments_;
    std::size_t size_ = 0;
};

} // namespace

std::vector<std::optional<std::string>> GrubRun::values_of(const std::string& name, const bool is_quoted) {
    ArgumentList values;
    values.next();
    const auto append = [&](const std::string& value) {
        is_quoted ? values.append(value) : values.append_split(value);
    };
    if (!is_parameter_name(name)) {
        const std::string value = environment.text(name);
        if (name == "?" && !is_status_exact) {
            stop("the number of an error is looked at");
        }
        if (!value.empty()) {
            append(value);
        }
    } else if (!has_parameters) {
        return values.take();
    } else if (name == "#") {
        values.append(std::to_string(parameters.size()));
    } else if (name == "@" || name == "*") {
        for (std::size_t at = 0; at < parameters.size(); ++at) {
            if (at > 0 && name == "*" && is_quoted) {
                values.append(" ");
            } else if (at > 0) {
                values.next();
            }
            append(parameters[at]);
        }
    } else if (const auto number = grub_number(name, nullptr, 10);
               number && *number >= 1 && *number <= parameters.size()) {
        append(parameters[*number - 1]);
    }
    return values.take();
}

std::string GrubRun::translated(const std::string& text) {
    if (has_catalog_) {
        stop("a text is translated");
    }
    if (text.find_first_of("$\\") != std::string::npos) {
        stop("a text to translate has variables or backslashes in it");
    }
    return text;
}

std::vector<std::string> GrubRun::arguments_of(const std::span<const ScriptWord> words) {
    ArgumentList list;
    for (const ScriptWord& word : words) {
        list.next();
        for (const ScriptPiece& piece : word) {
            switch (piece.kind) {
            case PieceKind::text:
                list.append(piece.text);
                break;
            case PieceKind::quoted:
                list.append(escaped_pattern(piece.text));
                break;
            case PieceKind::translated:
                list.append(escaped_pattern(translated(piece.text)));
                break;
            case PieceKind::block:
                list.append("{" + escaped_pattern(piece.text) + "}");
                break;
            case PieceKind::variable:
            case PieceKind::quoted_variable: {
                const bool is_quoted = piece.kind == PieceKind::quoted_variable;
                bool is_first = true;
                for (const auto& value : values_of(piece.text, is_quoted)) {
                    if (!std::exchange(is_first, false)) {
                        list.next();
                    }
                    list.append(is_quoted ? escaped_pattern(value.value_or(""))
                                          : escaped_backslashes(value.value_or("")));
                }
                break;
            }
            }
            if (list.size() > longest_argument) {
                stop("the arguments of a command grow without limit");
            }
        }
    }
    spend(list.size());
    std::vector<std::string> arguments;
    for (const auto& argument : list.take()) {
        if (is_pattern(*argument) && has_module("regexp")) {
            stop("a pattern of file names is looked for");
        }
        arguments.push_back(unescaped_pattern(*argument));
    }
    return arguments;
}

} // namespace sealmount
