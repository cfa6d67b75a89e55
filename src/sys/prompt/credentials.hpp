// Credentials that the service manager passes to a process (systemd.exec(5), CREDENTIALS).
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "base/secret_bytes.hpp"

#include <cstddef>
#include <string>

namespace sealmount {

/// Was a credential of that name passed?
[[nodiscard]] bool has_credential(const std::string& id);

/// The credential of that name, from $CREDENTIALS_DIRECTORY; one trailing line end is not part of it. Throws
/// Error{usage} when the name cannot be one, when no credentials were passed, or as read_secret();
/// Error{no_input} when there is none of that name.
[[nodiscard]] SecretBytes read_credential(const std::string& id, std::size_t limit);

} // namespace sealmount
