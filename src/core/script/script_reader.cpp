// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/script/script_reader.hpp"

#include "core/script/script_lexer.hpp"

#include <utility>

namespace sealmount {

namespace {

/// What runs goes less deep (run_script.cpp).
constexpr unsigned deepest_nesting = 60;

class GroupReader {
  public:
    explicit GroupReader(ScriptLexer& lexer) : lexer_(lexer) {}

    ScriptGroup read() {
        ScriptGroup group;
        skip_newlines();
        while (peek().kind != TokenKind::end) {
            if (is_reserved("function")) {
                read_function(group);
            } else {
                group.commands.push_back(read_command());
            }
            if (!take_delimiter()) {
                fail("a command that goes on where it should end");
            }
            skip_newlines();
        }
        return group;
    }

  private:
    const ScriptToken& peek() {
        if (!has_token_) {
            token_ = lexer_.next();
            has_token_ = true;
        }
        return token_;
    }
    ScriptToken take() {
        ScriptToken taken = peek();
        drop();
        return taken;
    }
    void drop() noexcept { has_token_ = false; }
    [[noreturn]] void fail(std::string reason) {
        throw ScriptFault{.line = peek().line, .reason = std::move(reason)};
    }
    bool is_reserved(const std::string_view text) {
        return peek().kind == TokenKind::reserved && peek().text == text;
    }
    void take_reserved(const std::string_view text) {
        if (!is_reserved(text)) {
            fail("\"" + std::string{text} + "\" is missing");
        }
        drop();
    }
    void skip_newlines() {
        while (peek().kind == TokenKind::newline) {
            drop();
        }
    }
    bool take_delimiter() {
        if (peek().kind != TokenKind::newline && peek().kind != TokenKind::semicolon) {
            return false;
        }
        drop();
        return true;
    }
    std::string take_name() {
        if (peek().kind != TokenKind::name) {
            fail("a name is missing");
        }
        return take().text;
    }

    bool begins_command() {
        const TokenKind kind = peek().kind;
        return kind == TokenKind::name || kind == TokenKind::word || is_reserved("if") ||
               is_reserved("for") || is_reserved("while") || is_reserved("until");
    }

    /// One or more; is there a delimiter behind the last?
    bool read_commands(ScriptCommands& commands) {
        if (++depth_ > deepest_nesting) {
            fail("blocks within blocks, deeper than GRUB allows");
        }
        skip_newlines();
        commands.push_back(read_command());
        bool is_delimited = false;
        while ((is_delimited = take_delimiter())) {
            skip_newlines();
            if (!begins_command()) {
                break;
            }
            commands.push_back(read_command());
        }
        --depth_;
        return is_delimited;
    }
    ScriptCommands read_delimited() {
        ScriptCommands commands;
        if (!read_commands(commands)) {
            fail("a command that goes on where it should end");
        }
        return commands;
    }

    void read_function(ScriptGroup& group) {
        drop();
        const std::string name = take_name();
        lexer_.hold();
        skip_newlines();
        if (peek().kind != TokenKind::open) {
            fail("the block of a function is missing");
        }
        drop();
        ScriptCommands body = read_delimited();
        if (peek().kind != TokenKind::close) {
            fail("a function is not closed");
        }
        drop();
        lexer_.release();
        group.functions[name] = std::move(body);
    }

    ScriptCommand read_command() {
        if (is_reserved("if")) {
            return read_if();
        }
        if (is_reserved("for")) {
            return read_for();
        }
        if (is_reserved("while") || is_reserved("until")) {
            return read_loop();
        }
        if (!begins_command()) {
            fail("a command is missing");
        }
        ScriptCommand command{.kind = CommandKind::simple, .line = peek().line};
        read_arguments(command);
        if (peek().kind == TokenKind::open) {
            command.words.push_back({read_block()});
        }
        return command;
    }

    void read_arguments(ScriptCommand& command) {
        for (TokenKind kind = peek().kind;
             kind == TokenKind::name || kind == TokenKind::word || kind == TokenKind::reserved;
             kind = peek().kind) {
            const ScriptToken token = take();
            command.words.push_back(pieces_of(token.text, token.line));
        }
    }

    ScriptPiece read_block() {
        const std::size_t begin = lexer_.position();
        drop();
        lexer_.hold();
        ScriptCommands inner;
        read_commands(inner);
        if (peek().kind != TokenKind::close) {
            fail("a block is not closed");
        }
        const std::size_t end = lexer_.position() - 1;
        drop();
        lexer_.release();
        return {.kind = PieceKind::block,
                .text = lexer_.text_between(begin, end),
                .body = lexer_.lines_between(begin, end)};
    }

    ScriptCommand read_if() {
        ScriptCommand command{.kind = CommandKind::choice, .line = peek().line};
        drop();
        lexer_.hold();
        for (bool goes_on = true; goes_on;) {
            ScriptBranch branch;
            branch.condition = read_delimited();
            take_reserved("then");
            branch.body = read_delimited();
            command.branches.push_back(std::move(branch));
            goes_on = is_reserved("elif");
            if (goes_on) {
                drop();
            }
        }
        if (is_reserved("else")) {
            drop();
            command.otherwise = read_delimited();
        }
        take_reserved("fi");
        lexer_.release();
        return command;
    }

    ScriptCommand read_for() {
        ScriptCommand command{.kind = CommandKind::for_each, .line = peek().line};
        drop();
        command.name = take_name();
        lexer_.hold();
        take_reserved("in");
        read_arguments(command);
        if (!take_delimiter()) {
            fail("a command that goes on where it should end");
        }
        skip_newlines();
        read_body(command, {});
        return command;
    }

    ScriptCommand read_loop() {
        ScriptCommand command{.kind =
                                  is_reserved("while") ? CommandKind::while_true : CommandKind::until_true,
                              .line = peek().line};
        drop();
        lexer_.hold();
        read_body(command, read_delimited());
        return command;
    }

    void read_body(ScriptCommand& command, ScriptCommands condition) {
        take_reserved("do");
        command.branches.push_back({.condition = std::move(condition), .body = read_delimited()});
        take_reserved("done");
        lexer_.release();
    }

    ScriptLexer& lexer_;
    ScriptToken token_; ///< the next, once it was looked at
    bool has_token_ = false;
    unsigned depth_ = 0;
};

} // namespace

std::optional<ScriptGroup> read_group(ScriptSource& source) {
    ScriptLexer lexer{source};
    if (!lexer.begin()) {
        return std::nullopt;
    }
    return GroupReader{lexer}.read();
}

} // namespace sealmount
