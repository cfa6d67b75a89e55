// EFI variables of the event log as text for people.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "sys/crypto/crypto.hpp"

#include <string>

namespace sealmount {

/// `data` is a UEFI_VARIABLE_DATA: the variable's name and what it says: the certificates' subjects and the
/// number of hashes of Secure Boot's databases, the name and path of a boot entry (EFI_LOAD_OPTION,
/// UEFI 2.10, 3.1.3), the order of boot entries.
[[nodiscard]] std::string describe_variable(BytesView data);

} // namespace sealmount
