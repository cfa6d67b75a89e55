// Accidents: the one exception class of the project.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "base/advice.hpp"

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace sealmount {

/// Why something could not be done, as the person sees it who has to fix it. app/output/exit_code.hpp gives
/// each one its exit status; the manual page documents them.
enum class Reason {
    usage,         ///< the command line is wrong: read the manual
    config,        ///< the manifest, or a file it names, is not acceptable: edit it
    bad_data,      ///< a file of ours or a TPM answer is damaged: restore it
    no_input,      ///< a file or a volume that was named does not exist
    unavailable,   ///< the TPM, a kernel feature or a service is not there
    refused,       ///< the TPM, the passphrase or the permissions say no
    cannot_create, ///< a file cannot be written where it has to be
    try_later,     ///< busy or locked for a while: the same call may work later
    io,            ///< reading or writing failed half-way
    os,            ///< any other failed system call
    internal,      ///< a mistake of this program
};

/// An accident, with a sentence for people. A caller that knows more catches, prefixes with `in()` and
/// rethrows. Things that only change a decision are not errors: see base/refusal.hpp.
class Error final : public std::runtime_error {
  public:
    Error(Reason reason, const std::string& message, Advice advice = {})
        : std::runtime_error(message), reason_(reason), advice_(std::move(advice)) {}

    [[nodiscard]] Reason reason() const noexcept { return reason_; }
    /// What can be done about it, for whoever shows the message.
    [[nodiscard]] const Advice& advice() const noexcept { return advice_; }

    /// The same error, its message preceded by "PLACE: ".
    [[nodiscard]] Error in(std::string_view place) const;

  private:
    Reason reason_;
    Advice advice_;
};

/// Throws Error with the message "WHAT: strerror(ERRNO_VALUE)". The only place where errno becomes an Error;
/// the reason follows from the number (ENOENT no_input, EACCES/EPERM refused, EROFS/ENOSPC/EDQUOT
/// cannot_create, EBUSY/EAGAIN try_later, EIO io, else os).
[[noreturn]] void throw_errno(int errno_value, std::string_view what, Advice advice = {});

} // namespace sealmount
