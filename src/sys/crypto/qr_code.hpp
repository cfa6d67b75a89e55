// A secret as a QR code on a terminal, to be kept on a phone (libqrencode).
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "base/secret_bytes.hpp"

#include <optional>

namespace sealmount {

/// Lines of UTF-8 half blocks, white on black whatever the terminal's colors are, with the margin that
/// readers need. Nothing when the text is too long for a code.
[[nodiscard]] std::optional<SecretBytes> qr_code_for_terminal(const SecretBytes& text);

} // namespace sealmount
