// Other Secure Boot variables, and the certificates that will verify the boot images.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/prediction/prediction_files.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace sealmount {

struct SecureBootChange {
    std::map<std::string, NamedFile> variables; ///< by name: the new contents, without attributes
    std::vector<NamedFile> authorities; ///< certificates (DER or PEM) in the order in which they verify
};

/// Is this the name of a variable that holds signature lists ("db")?
[[nodiscard]] bool is_signature_database(std::string_view name);

/// Applies new contents of measured variables (EV_EFI_VARIABLE_DRIVER_CONFIG and the boot variables), and the
/// db entries that verify images when Secure Boot is on: each entry is measured once, behind the separator of
/// PCR 7, as an EV_EFI_VARIABLE_AUTHORITY (TCG PC Client Platform Firmware Profile 1.05, 3.3.4.8; edk2,
/// SecurityPkg/Library/DxeImageVerificationLib/Measurement.c). Without `authorities`, PCR 7 becomes
/// unpredictable where they would be needed. Throws Error{no_input} for a variable that is not measured,
/// Error{bad_data} for a database that is not a signature list and for an authority that is not in db.
void apply(Forecast& forecast, const SecureBootChange& change);

} // namespace sealmount
