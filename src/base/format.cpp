// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
// The one file that contains the library: no program has to load it when the machine boots.
#define FMT_HEADER_ONLY
#include "base/format.hpp"

#include <fmt/format.h>

namespace sealmount {

std::string formatted_from(const fmt::string_view text, const fmt::format_args arguments) {
    return fmt::vformat(text, arguments);
}

} // namespace sealmount
