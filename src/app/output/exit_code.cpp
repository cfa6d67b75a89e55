// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "app/output/exit_code.hpp"

#include <sysexits.h>

namespace sealmount {

int exit_code(const Reason reason) noexcept {
    switch (reason) {
    case Reason::usage:
        return EX_USAGE;
    case Reason::config:
        return EX_CONFIG;
    case Reason::bad_data:
        return EX_DATAERR;
    case Reason::no_input:
        return EX_NOINPUT;
    case Reason::unavailable:
        return EX_UNAVAILABLE;
    case Reason::refused:
        return EX_NOPERM;
    case Reason::cannot_create:
        return EX_CANTCREAT;
    case Reason::try_later:
        return EX_TEMPFAIL;
    case Reason::io:
        return EX_IOERR;
    case Reason::os:
        return EX_OSERR;
    case Reason::internal:
        return EX_SOFTWARE;
    }
    return EX_SOFTWARE;
}

int exit_code(const RefusalKind kind) noexcept {
    switch (kind) {
    case RefusalKind::no_tpm:
    case RefusalKind::tpm_failed:
    case RefusalKind::key_type_absent:
    case RefusalKind::srk_missing:
    case RefusalKind::storage_disabled:
    case RefusalKind::no_prompt:
    case RefusalKind::ground_changed:
        return EX_UNAVAILABLE;
    case RefusalKind::tpm_busy:
    case RefusalKind::tpm_full:
    case RefusalKind::tpm_lockout:
    case RefusalKind::pcr_changed:
    case RefusalKind::prompt_timeout:
    case RefusalKind::lower_in_use:
        return EX_TEMPFAIL;
    case RefusalKind::srk_changed:
    case RefusalKind::srk_locked:
    case RefusalKind::policy_mismatch:
    case RefusalKind::unseal_failed:
    case RefusalKind::pin_needed:
    case RefusalKind::pin_wrong:
    case RefusalKind::passphrase_wrong:
    case RefusalKind::prompt_cancelled:
        return EX_NOPERM;
    case RefusalKind::object_rejected:
    case RefusalKind::text_rejected:
    case RefusalKind::store_changed:
        return EX_DATAERR;
    case RefusalKind::files_unusable:
    case RefusalKind::place_unsafe:
        return EX_CONFIG;
    }
    return EX_SOFTWARE;
}

} // namespace sealmount
