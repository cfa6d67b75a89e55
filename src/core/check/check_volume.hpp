// The part of a check that is about one volume: files, directories, units, keys in the way.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/check/check.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace sealmount {

/// Appends the findings about a volume. `master` is its master key where the TPM released it: then every key
/// file is opened with it.
void check_volume(const CheckContext& context, const Volume& volume, const SecretBytes* master,
                  std::vector<Finding>& findings);

/// What is wrong with the file of one of the volume's keys; nothing when it is good, and opens under `master`
/// where that is not nullptr.
[[nodiscard]] std::optional<Problem> problem_with_key_file(const Store& store, const Volume& volume,
                                                           const std::string& signature,
                                                           const SecretBytes* master);

/// A problem for each user key that eCryptfs takes instead of the volume's.
[[nodiscard]] std::vector<Problem> problems_with_user_keys(Keyring& keyring, const Volume& volume);

/// Appends a warning when others than root can read a file that is root's alone.
void check_privacy(const std::filesystem::path& file, const std::string& about,
                   std::vector<Finding>& findings);

} // namespace sealmount
