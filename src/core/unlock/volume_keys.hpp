// The keys of a volume that passphrases derive.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/ecryptfs/passphrase.hpp"
#include "core/volume/manifest.hpp"

#include <vector>

namespace sealmount {

/// Those of the volume's keys that are derived from the passphrase: all; one of two, where the file names
/// have a passphrase of their own; none when it is not the volume's.
[[nodiscard]] std::vector<Fekek> keys_from_passphrase(const Volume& volume, const SecretBytes& passphrase);

/// Which of a volume's keys the answers so far have given. Refers to the volume.
class AnsweredKeys {
  public:
    explicit AnsweredKeys(const Volume& volume) : volume_(volume) {}

    /// Adds the keys of the passphrase. False when none of them is new.
    bool add(const SecretBytes& passphrase);
    [[nodiscard]] bool has(std::string_view signature) const;
    [[nodiscard]] bool is_complete() const;
    [[nodiscard]] const std::vector<Fekek>& keys() const& { return keys_; }
    [[nodiscard]] std::vector<Fekek> keys() && { return std::move(keys_); }

  private:
    const Volume& volume_;
    std::vector<Fekek> keys_;
};

} // namespace sealmount
