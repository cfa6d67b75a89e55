// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "base/error.hpp"

#include "base/format.hpp"

#include <cerrno>
#include <system_error>

namespace sealmount {

namespace {

Reason reason_of(const int errno_value) {
    switch (errno_value) {
    case ENOENT:
    case ENOTDIR:
        return Reason::no_input;
    case EACCES:
    case EPERM:
        return Reason::refused;
    case EROFS:
    case ENOSPC:
    case EDQUOT:
        return Reason::cannot_create;
    case EBUSY:
    case EAGAIN:
        return Reason::try_later;
    case EIO:
        return Reason::io;
    default:
        return Reason::os;
    }
}

} // namespace

Error Error::in(const std::string_view place) const {
    return Error{reason_, formatted("{}: {}", place, what()), advice_};
}

void throw_errno(const int errno_value, const std::string_view what, Advice advice) {
    throw Error{reason_of(errno_value),
                formatted("{}: {}", what, std::generic_category().message(errno_value)), std::move(advice)};
}

} // namespace sealmount
