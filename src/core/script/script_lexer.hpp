// Tokens of GRUB's script, for script_reader.cpp.
//
// Source: script/yylex.l and script/lexer.c.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/script/script_reader.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace sealmount {

enum class TokenKind {
    end, ///< of the group
    newline,
    semicolon,
    open,     ///< {
    close,    ///< }
    reserved, ///< "if", "then", ...
    name,     ///< a word that may name a variable or a function
    word,
};

struct ScriptToken {
    TokenKind kind{};
    std::string text{}; ///< as it is in the script
    unsigned line = 0;
};

/// One group: it takes further lines only as long as something holds it open, or a word goes on over them.
class ScriptLexer {
  public:
    explicit ScriptLexer(ScriptSource& source) : source_(source) {}

    /// The first line; false at the end of the source.
    [[nodiscard]] bool begin();
    /// Throws ScriptFault.
    [[nodiscard]] ScriptToken next();

    void hold() noexcept { ++holds_; }
    void release() noexcept { --holds_; }

    /// Where the last token ended.
    [[nodiscard]] std::size_t position() const noexcept { return at_; }
    /// What was between two positions, by lines.
    [[nodiscard]] ScriptLines lines_between(std::size_t from, std::size_t to) const;
    [[nodiscard]] std::string text_between(std::size_t from, std::size_t to) const {
        return text_.substr(from, to - from);
    }

  private:
    [[nodiscard]] bool more();
    void skip_blanks();
    [[nodiscard]] std::size_t word_end();
    [[nodiscard]] std::size_t variable_end(std::size_t dollar) const;
    [[nodiscard]] std::size_t quote_end(std::size_t quote);
    [[nodiscard]] unsigned line_at(std::size_t position) const;
    [[noreturn]] void fail(std::size_t position, std::string reason) const;

    struct Line {
        std::size_t begin;
        unsigned number;
    };

    ScriptSource& source_;
    std::string text_; ///< all lines of the group so far, each with its newline
    std::vector<Line> lines_;
    std::size_t at_ = 0;
    unsigned holds_ = 0;
};

/// Where the name of a variable behind a dollar sign ends, braces included; `dollar` when there is none.
[[nodiscard]] std::size_t end_of_variable(std::string_view text, std::size_t dollar) noexcept;

} // namespace sealmount
