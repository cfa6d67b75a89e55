// EFI variables that firmware and shim will read at the next boot: are they as this boot has measured them,
// and does one of them lead somewhere else?
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "base/bytes.hpp"
#include "core/prediction/prediction.hpp"

#include <functional>
#include <optional>
#include <string>

namespace sealmount {

/// The contents of a variable by its name and its vendor's GUID, without attributes; nothing when there is
/// none.
using VariableReader =
    std::function<std::optional<Bytes>(const std::string& name, const std::string& vendor)>;

/// The Authenticode digest, in the forecast's bank, of the program that is at a place now; nothing when none
/// is.
using ProgramReader =
    std::function<std::optional<Bytes>(const std::string& partition, const std::string& path)>;

/// Secure Boot's databases are taken as they are now. Any other measured variable that has changed makes its
/// PCR unpredictable. So does, for all that follows it, what makes the next boot begin otherwise: an entry
/// that is before that of this boot now and starts another program, or that is chosen for once (BootNext), an
/// errand for the firmware (OsIndications; UEFI 2.10, 8.5.4), and for shim's, a key that is to be enrolled
/// (mokutil(1)).
void apply_variables(Forecast& forecast, const VariableReader& read, const ProgramReader& program);

} // namespace sealmount
