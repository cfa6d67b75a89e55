// The order of loader entries: by the version in their names, as RPM orders packages.
//
// Source: rhboot's grub2, grub-core/commands/blscfg.c, split_package_string(), split_cmp() and vercmp(),
// which come from rpmvercmp(). Not the order of the Boot Loader Specification.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include <string_view>

namespace sealmount {

/// Less than, equal to or greater than 0: is `a` older, the same, newer?
[[nodiscard]] int compare_entry_names(std::string_view a, std::string_view b);

} // namespace sealmount
