// Prompt: asking a person for a secret. Real forms: password_agents.hpp (boot) and terminal.hpp (command
// line).
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "base/refusal.hpp"
#include "base/secret_bytes.hpp"

#include <chrono>
#include <expected>
#include <filesystem>
#include <functional>
#include <string>

namespace sealmount {

/// What makes a question pointless while it is open: what it asks for arrived in another way.
struct Withdrawal {
    std::filesystem::path directory; ///< whenever a file in it changes, `is_due` is called
    std::function<bool()> is_due;
};

class Prompt {
  public:
    Prompt() = default;
    Prompt(const Prompt&) = delete;
    Prompt& operator=(const Prompt&) = delete;
    virtual ~Prompt() = default;

    /// Shows `text` and waits for one line, without echo; the line's end is not part of the answer. `id`
    /// names the question for programs, e.g. "sealmount:vault". prompt_timeout, prompt_cancelled (also when
    /// the question was withdrawn, where the form can do that) or no_prompt as refusals.
    [[nodiscard]] virtual std::expected<SecretBytes, Refusal> ask(const std::string& text,
                                                                  const std::string& id,
                                                                  std::chrono::seconds timeout,
                                                                  const Withdrawal* withdrawal = nullptr) = 0;
};

} // namespace sealmount
