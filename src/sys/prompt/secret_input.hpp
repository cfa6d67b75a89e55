// Secrets from files and standard input.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "base/secret_bytes.hpp"

#include <cstddef>
#include <string>

namespace sealmount {

/// Reads a secret from a file or, for "-", from standard input, into locked memory; one trailing line end is
/// not part of it. `limit` is the longest secret accepted. Error{no_input} for a missing, Error{usage} for an
/// empty or longer one.
[[nodiscard]] SecretBytes read_secret(const std::string& file_or_dash, std::size_t limit);

/// The same for bytes that are not text: a line end is part of them.
[[nodiscard]] SecretBytes read_binary_secret(const std::string& file_or_dash, std::size_t limit);

} // namespace sealmount
