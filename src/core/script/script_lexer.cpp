// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/script/script_lexer.hpp"

#include <algorithm>
#include <array>

namespace sealmount {

namespace {

constexpr std::array reserved_names = {"case", "do", "done",   "elif", "else",  "esac",  "fi",      "for",
                                       "if",   "in", "select", "then", "until", "while", "function"};

bool is_digit(const char c) noexcept {
    return c >= '0' && c <= '9';
}

bool begins_name(const char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

bool is_plain(const char c) noexcept {
    return std::string_view{"{}|&$;<> \t\n'\"\\"}.find(c) == std::string_view::npos;
}

TokenKind kind_of_word(const std::string& text) {
    if (std::ranges::find(reserved_names, text) != reserved_names.end()) {
        return TokenKind::reserved;
    }
    const bool is_name = begins_name(text.front()) &&
                         std::ranges::all_of(text, [](char c) { return begins_name(c) || is_digit(c); });
    return is_name ? TokenKind::name : TokenKind::word;
}

} // namespace

std::size_t end_of_variable(const std::string_view text, const std::size_t dollar) noexcept {
    std::size_t at = dollar + 1;
    const bool has_brace = at < text.size() && text[at] == '{';
    at += has_brace ? 1 : 0;
    const std::size_t begin = at;
    if (at < text.size() && std::string_view{"?#*@"}.find(text[at]) != std::string_view::npos) {
        ++at;
    } else if (at < text.size() && is_digit(text[at])) {
        at = std::min(text.find_first_not_of("0123456789", at), text.size());
    } else {
        while (at < text.size() && (begins_name(text[at]) || (at > begin && is_digit(text[at])))) {
            ++at;
        }
    }
    if (at == begin || (has_brace && (at == text.size() || text[at] != '}'))) {
        return dollar;
    }
    return at + (has_brace ? 1 : 0);
}

bool ScriptLexer::begin() {
    return more();
}

bool ScriptLexer::more() {
    const ScriptLine* const line = source_.next();
    if (line == nullptr) {
        return false;
    }
    lines_.push_back({.begin = text_.size(), .number = line->number});
    text_ += line->text;
    text_ += '\n';
    return true;
}

unsigned ScriptLexer::line_at(const std::size_t position) const {
    const auto behind = std::ranges::upper_bound(lines_, position, {}, &Line::begin);
    return behind == lines_.begin() ? 0 : std::prev(behind)->number;
}

ScriptLines ScriptLexer::lines_between(const std::size_t from, const std::size_t to) const {
    ScriptLines lines;
    for (std::size_t at = from; at <= to;) {
        const std::size_t end = std::min(text_.find('\n', at), to);
        lines.push_back({.text = text_.substr(at, end - at), .number = line_at(at)});
        at = end + 1;
    }
    return lines;
}

void ScriptLexer::fail(const std::size_t position, std::string reason) const {
    throw ScriptFault{.line = line_at(position), .reason = std::move(reason)};
}

void ScriptLexer::skip_blanks() {
    at_ = std::min(text_.find_first_not_of(" \t", at_), text_.size());
    if (at_ < text_.size() && text_[at_] == '#') {
        at_ = text_.find('\n', at_);
    }
}

std::size_t ScriptLexer::variable_end(const std::size_t dollar) const {
    return end_of_variable(text_, dollar);
}

std::size_t ScriptLexer::quote_end(const std::size_t quote) {
    const char mark = text_[quote];
    for (std::size_t at = quote + 1;;) {
        if (at >= text_.size() && !more()) {
            fail(quote, "a quotation mark is not closed");
        }
        if (text_[at] == mark) {
            return at + 1;
        }
        at += mark == '"' && text_[at] == '\\' ? 2 : 1;
    }
}

std::size_t ScriptLexer::word_end() {
    std::size_t at = at_;
    for (;;) {
        if (at >= text_.size()) {
            return at;
        }
        const char c = text_[at];
        if (is_plain(c)) {
            ++at;
        } else if (c == '\\') {
            at += 2;
            if (at >= text_.size() && !more()) {
                fail(at_, "the last line is to be continued");
            }
        } else if (c == '"' || c == '\'') {
            at = quote_end(at);
        } else if (c == '$' && at + 1 < text_.size() && text_[at + 1] == '"') {
            at = quote_end(at + 1);
        } else if (c == '$' && variable_end(at) != at) {
            at = variable_end(at);
        } else {
            return at;
        }
    }
}

ScriptToken ScriptLexer::next() {
    for (skip_blanks(); at_ == text_.size(); skip_blanks()) {
        if (holds_ == 0) {
            return {.kind = TokenKind::end, .text = {}, .line = line_at(at_)};
        }
        if (!more()) {
            fail(at_, "the file ends within a block");
        }
    }
    ScriptToken token{.kind = TokenKind::newline, .text = {}, .line = line_at(at_)};
    constexpr std::string_view single = "\n;{}";
    if (const std::size_t which = single.find(text_[at_]); which != std::string_view::npos) {
        constexpr std::array kinds = {TokenKind::newline, TokenKind::semicolon, TokenKind::open,
                                      TokenKind::close};
        token.kind = kinds[which];
        token.text = text_[at_++];
        if (token.kind == TokenKind::semicolon && text_[at_] == ';') {
            fail(at_, "two semicolons");
        }
        return token;
    }
    const std::size_t end = word_end();
    if (end == at_) {
        fail(at_, std::string{"a \""} + text_[at_] + "\" that means nothing to GRUB");
    }
    token.text = text_.substr(at_, end - at_);
    if (token.text == "[[" || token.text == "]]") {
        fail(at_, "double brackets, which GRUB does not know");
    }
    token.kind = kind_of_word(token.text);
    at_ = end;
    return token;
}

} // namespace sealmount
