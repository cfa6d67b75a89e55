// The keys that passphrases make for a volume.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/ecryptfs/passphrase.hpp"
#include "core/volume/manifest.hpp"

#include <vector>

namespace sealmount {

/// Those of the volume's keys that the passphrase makes: all; one of two, where the file names have a
/// passphrase of their own; none when it is not the volume's.
[[nodiscard]] std::vector<Fekek> keys_from_passphrase(const Volume& volume, const SecretBytes& passphrase);

/// What answers have made of a volume's keys so far. Refers to the volume.
class AnsweredKeys {
  public:
    explicit AnsweredKeys(const Volume& volume) : volume_(volume) {}

    /// Adds what the passphrase makes. False when that is nothing new.
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
