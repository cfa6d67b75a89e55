// The key files of an enrollment: FEKEKs encrypted under the master key.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/enroll/enroll_master.hpp"
#include "core/master/store_proof.hpp"

#include <string>
#include <vector>

namespace sealmount {

/// What a volume's key files are to hold: the texts that are there or among those `waiting` to be written,
/// where they are what would be made; else new ones, opened again and compared. Throws Error{refused} when a
/// volume of the manifest has one of the keys under another master key.
[[nodiscard]] KeyTexts key_texts_for(const Store& store, const Manifest& manifest, const KeyTexts& waiting,
                                     const Volume& volume, const EnrolledMaster& master,
                                     const std::vector<Fekek>& keys);

} // namespace sealmount
