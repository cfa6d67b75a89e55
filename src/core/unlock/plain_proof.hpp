// The proofs of the store (core/master/store_proof.hpp) as an unattended unlock compares them, before the
// kernel or the program that has the master key authenticates them.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/unlock/plain_master.hpp"

#include <string_view>

namespace sealmount {

/// Does the seal name the digest of the file's text before it, and this master key?
[[nodiscard]] bool is_plainly_sealed(const PlainMasterFile& file, std::string_view master);

/// Is the initialization vector in the text, which is_plain_key_text(), bound to this signature?
[[nodiscard]] bool is_plainly_bound(std::string_view text, std::string_view signature);

} // namespace sealmount
