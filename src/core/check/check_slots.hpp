// The part of a check that is about the slots of a master key, whether they open now or not.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/check/check.hpp"

#include <string>
#include <vector>

namespace sealmount {

/// Appends a warning for each slot whose policy is empty or suspended, and when the boot of this machine came
/// close to the boot window of a slot.
void check_slots(const Paths& paths, const std::string& name, const MasterFile& master, Tpm& tpm,
                 std::vector<Finding>& findings);

/// What the master key, which the TPM has released, proves of its file: findings about what it does not.
void check_proofs(const Store& store, const std::string& name, const MasterFile& master,
                  const std::vector<Volume>& volumes, std::vector<Finding>& findings);

/// A master key should have a recovery key.
void check_recovery_key(const std::string& name, const MasterFile& master, const std::vector<Volume>& volumes,
                        std::vector<Finding>& findings);

} // namespace sealmount
