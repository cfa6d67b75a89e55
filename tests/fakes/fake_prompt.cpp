// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "fakes/fake_prompt.hpp"

#include "base/error.hpp"

#include <span>
#include <utility>

namespace sealmount::testing {

std::expected<SecretBytes, Refusal> FakePrompt::ask(const std::string& text, const std::string& id,
                                                    const std::chrono::seconds timeout,
                                                    const Withdrawal* const withdrawal) {
    questions_.push_back({.text = text, .id = id, .timeout = timeout});
    if (fault_.strikes()) {
        throw Error{Reason::unavailable, "the fake prompt fails as requested"};
    }
    if (event_) {
        std::exchange(event_, nullptr)();
    }
    if (withdrawal != nullptr && withdrawal->is_due()) {
        return std::unexpected{Refusal{RefusalKind::prompt_cancelled, {}}};
    }
    if (answers_.empty()) {
        return std::unexpected{Refusal{RefusalKind::no_prompt, {}}};
    }
    const auto next = std::move(answers_.front());
    answers_.pop_front();
    if (const auto* const kind = std::get_if<RefusalKind>(&next)) {
        return std::unexpected{Refusal{*kind, {}}};
    }
    return SecretBytes{std::as_bytes(std::span{std::get<std::string>(next)})};
}

} // namespace sealmount::testing
