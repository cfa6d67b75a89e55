// Hints: for each refusal, what to do next. A message says what happened; its hint is the exact next command.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "base/advice.hpp"
#include "base/error.hpp"
#include "core/master/master_unlock.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace sealmount {

/// What the person should do, with the exact command; "" for AdviceKind::none.
[[nodiscard]] std::string hint_for(const Advice& advice);

/// "MESSAGE; HINT": what happened, and what to do about it, in one sentence.
[[nodiscard]] std::string with_hint(const std::string& message, const Advice& advice);
[[nodiscard]] std::string with_hint(const Error& error);
[[nodiscard]] std::string with_hint(const Problem& problem);
[[nodiscard]] std::vector<std::string> with_hints(const std::vector<Problem>& problems);

/// What the person should do about a master key that was not released; "" when nothing helps but the
/// passphrase.
[[nodiscard]] std::string hint_for(RefusalKind kind, std::string_view master);

/// The refusal in words, one line for each thing to know: the cause, each differing PCR with expected and
/// found value, the differing events (core/unlock/event_differences.hpp), the hint.
[[nodiscard]] std::vector<std::string> explain(const MasterRefusal& refusal, std::string_view master,
                                               const std::vector<Problem>& differences);

} // namespace sealmount
