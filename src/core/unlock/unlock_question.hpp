// The questions that an unlock asks a person. One is withdrawn when the keys come with the answer to another.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/unlock/unlock.hpp"
#include "core/unlock/volume_keys.hpp"

#include <expected>
#include <string>

namespace sealmount {

/// The text for people, and the id by which password agents that remember answers distinguish questions.
struct Question {
    std::string text;
    std::string id;
};

/// For the passphrase or the recovery key; for the passphrase of the file names or of the contents, when that
/// of the other is in `answered`.
[[nodiscard]] Question passphrase_question(const Store& store, const Volume& volume,
                                           const AnsweredKeys& answered);
[[nodiscard]] Question pin_question(const Volume& volume);

/// The answer. Refusals as Prompt::ask() has them.
[[nodiscard]] std::expected<SecretBytes, Refusal> ask(const UnlockContext& context, const Volume& volume,
                                                      const Question& question);

/// Did another volume's unlock load the volume's keys while somebody was asked? Then the volume counts as
/// loaded from here on.
[[nodiscard]] bool was_loaded_meanwhile(const UnlockContext& context, const Volume& volume);

} // namespace sealmount
