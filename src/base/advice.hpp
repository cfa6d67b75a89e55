// What can be done about something that went wrong, as a value. Whoever finds it out names the situation and
// its facts; app/output/hints.cpp alone turns them into a sentence with the command to run.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>

namespace sealmount {

/// The situations. The comment says what to do, and what `subject` and `other` are.
enum class AdviceKind {
    none,                 ///< the message says all
    reseal_with_recovery, ///< master key `subject`: bind it to the present state with recovery key or
                          ///< passphrases
};

struct Advice {
    AdviceKind kind = AdviceKind::none;
    std::string subject{};
    std::string other{};

    bool operator==(const Advice&) const = default;
};

} // namespace sealmount
