// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/script/script_lexer.hpp"

#include <utility>

namespace sealmount {

namespace {

/// The pieces of a word, one after the other.
class WordSplitter {
  public:
    WordSplitter(const std::string& word, const unsigned line) : word_(word), line_(line) {}

    ScriptWord split() {
        while (at_ < word_.size()) {
            const char c = word_[at_];
            if (c == '\\' && at_ + 1 < word_.size()) {
                bare_ += word_[at_ + 1] == '\n' ? std::string{} : word_.substr(at_, 2);
                at_ += 2;
            } else if (c == '\'') {
                flush();
                const std::size_t end = word_.find('\'', at_ + 1);
                add(PieceKind::quoted, word_.substr(at_ + 1, end - at_ - 1));
                at_ = end + 1;
            } else if (c == '"') {
                flush();
                ++at_;
                split_quoted();
            } else if (c == '$' && at_ + 1 < word_.size() && word_[at_ + 1] == '"') {
                // What is before it becomes a text to translate by itself (script/yylex.l, SPLIT).
                add(PieceKind::translated, std::exchange(bare_, {}));
                at_ += 2;
                split_translated();
            } else if (c == '$') {
                flush();
                add(PieceKind::variable, variable());
            } else {
                bare_ += c;
                ++at_;
            }
        }
        flush();
        return std::move(pieces_);
    }

  private:
    void add(const PieceKind kind, std::string text) {
        pieces_.push_back({.kind = kind, .text = std::move(text), .body = {}});
    }
    void flush() {
        if (!bare_.empty()) {
            add(PieceKind::text, std::exchange(bare_, {}));
        }
    }

    /// The name of the variable at a dollar sign, which is passed.
    std::string variable() {
        const std::size_t end = end_of_variable(word_, at_);
        if (end == at_) {
            throw ScriptFault{.line = line_, .reason = "a \"$\" that means nothing to GRUB"};
        }
        const bool has_brace = word_[at_ + 1] == '{';
        const std::size_t begin = at_ + (has_brace ? 2 : 1);
        at_ = end;
        return word_.substr(begin, end - begin - (has_brace ? 1 : 0));
    }

    void split_quoted() {
        std::string text;
        while (word_[at_] != '"') {
            const char c = word_[at_];
            const char after = at_ + 1 < word_.size() ? word_[at_ + 1] : '\0';
            if (c == '\\' && (after == '$' || after == '\\' || after == '"' || after == '\n')) {
                text += after == '\n' ? std::string{} : std::string{after};
                at_ += 2;
            } else if (c == '$') {
                add(PieceKind::quoted, std::exchange(text, {}));
                add(PieceKind::quoted_variable, variable());
            } else {
                text += c;
                ++at_;
            }
        }
        ++at_;
        add(PieceKind::quoted, std::move(text));
    }

    void split_translated() {
        std::string text;
        while (word_[at_] != '"') {
            const char c = word_[at_];
            const char after = at_ + 1 < word_.size() ? word_[at_ + 1] : '\0';
            if (c == '\\' && (after == '\\' || after == '"' || after == '\n')) {
                text += after == '\\' ? "\\\\" : after == '"' ? "\"" : "";
                at_ += 2;
            } else {
                text += c;
                ++at_;
            }
        }
        ++at_;
        add(PieceKind::translated, std::move(text));
    }

    const std::string& word_;
    unsigned line_;
    std::size_t at_ = 0;
    std::string bare_;
    ScriptWord pieces_;
};

} // namespace

ScriptWord pieces_of(const std::string& word, const unsigned line) {
    return WordSplitter{word, line}.split();
}

} // namespace sealmount
