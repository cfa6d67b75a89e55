// FakePrompt: a person with prepared answers.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "fakes/fault.hpp"
#include "sys/prompt/prompt.hpp"

#include <deque>
#include <functional>
#include <string>
#include <variant>
#include <vector>

namespace sealmount::testing {

class FakePrompt final : public Prompt {
  public:
    struct Question {
        std::string text;
        std::string id;
        std::chrono::seconds timeout;
    };

    void answer(std::string text) { answers_.emplace_back(std::move(text)); }
    /// While the next question is open, this happens; then it is answered, unless it is withdrawn.
    void while_asking(std::function<void()> event) { event_ = std::move(event); }
    void refuse(const RefusalKind kind) { answers_.emplace_back(kind); }
    /// The n+1-th question fails: Error{unavailable}.
    void fail_after(const unsigned questions) { fault_.after(questions); }
    [[nodiscard]] const Fault& fault() const { return fault_; }

    [[nodiscard]] const std::vector<Question>& questions() const { return questions_; }
    [[nodiscard]] std::size_t answers_left() const { return answers_.size(); }

    /// The next prepared answer; no_prompt when there is none left.
    std::expected<SecretBytes, Refusal> ask(const std::string& text, const std::string& id,
                                            std::chrono::seconds timeout,
                                            const Withdrawal* withdrawal) override;

  private:
    std::deque<std::variant<std::string, RefusalKind>> answers_;
    std::vector<Question> questions_;
    std::function<void()> event_;
    Fault fault_;
};

} // namespace sealmount::testing
