// Opening a volume on a machine that does not know it: a rescue system, without TPM, units or manifest.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/ecryptfs/key_source.hpp"
#include "core/ecryptfs/passphrase.hpp"
#include "core/store/store.hpp"
#include "core/volume/manifest.hpp"
#include "sys/keyring/keyring.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace sealmount {

/// A volume and its keys.
struct Rescued {
    Volume volume;
    std::vector<Fekek> keys;
};

/// From a lower directory and a passphrase alone: how the volume was made is read from its files. Throws
/// Error{refused} naming both signatures when the passphrase is another one, or when there is no file that
/// shows it.
[[nodiscard]] Rescued rescue_by_passphrase(const std::filesystem::path& lower, const SecretBytes& passphrase,
                                           PassphraseMeans means = {});

/// From a backup of /etc/sealmount, and the recovery key of the volume's master key or its passphrase,
/// distinguished as at boot; with the passphrase of the file names, where they have one of their own. Throws
/// Error{refused} when it is neither, or half of what it takes.
[[nodiscard]] Rescued rescue_from_backup(const Store& backup, const std::string& name,
                                         const SecretBytes& answer,
                                         const SecretBytes* filename_passphrase = nullptr);

/// Loads the keys, mounts, and takes away again what it loaded: the mount holds its own reference. Nothing is
/// executed from it, and no device or set-user-ID bit counts. Throws Error.
void mount_rescued(Keyring& keyring, const Rescued& rescued, const std::filesystem::path& lower,
                   const std::filesystem::path& mountpoint, bool read_only);

} // namespace sealmount
