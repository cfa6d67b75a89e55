// Where the keys of an enrollment come from.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "base/advice.hpp"
#include "core/ecryptfs/encrypted_key.hpp"
#include "core/ecryptfs/passphrase.hpp"
#include "sys/keyring/keyring.hpp"

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace sealmount {

/// Gives the keys of a volume, one at a time. Messages about a wrong one are built from noun() and
/// it_gives(). `wanted` are the signatures that the files, or the names, on disk ask for; none in an empty
/// volume.
class KeySource {
  public:
    KeySource() = default;
    KeySource(const KeySource&) = delete;
    KeySource& operator=(const KeySource&) = delete;
    virtual ~KeySource() = default;

    /// The key of the file contents.
    [[nodiscard]] virtual Fekek content_key(const std::set<std::string>& wanted) = 0;

    /// The key of the file names; nothing where it is the key of the contents.
    [[nodiscard]] virtual std::optional<Fekek> filename_key(const Fekek& content,
                                                            const std::set<std::string>& wanted) = 0;

    /// The salt that made the content key from a passphrase; nothing where none did.
    [[nodiscard]] virtual std::optional<Salt> salt() const { return std::nullopt; }

    [[nodiscard]] virtual std::string noun() const = 0;     ///< "passphrase"
    [[nodiscard]] virtual std::string it_gives() const = 0; ///< "this passphrase gives"
    /// What may help when the key of the names is a wrong one.
    [[nodiscard]] virtual Advice advice_for_names() const { return {}; }
};

/// What goes with a passphrase.
struct PassphraseMeans {
    /// Tried in this order, until one makes the key that the files ask for. The first is an empty volume's.
    std::vector<Salt> salts = {content_salt};
    /// That of the file names alone, where one was given.
    std::optional<SecretBytes> filename_passphrase;
    /// Asks for it, when the names on disk have another key than the passphrase makes. Nothing: nobody can
    /// be asked.
    std::function<std::optional<SecretBytes>()> ask_filename_passphrase;
};

/// Both keys from one passphrase, as ecryptfs-add-passphrase makes them, or from one for each.
class PassphraseSource final : public KeySource {
  public:
    explicit PassphraseSource(const SecretBytes& passphrase, PassphraseMeans means = {})
        : passphrase_(passphrase), means_(std::move(means)) {}
    Fekek content_key(const std::set<std::string>& wanted) override;
    std::optional<Fekek> filename_key(const Fekek& content, const std::set<std::string>& wanted) override;
    std::optional<Salt> salt() const override { return salt_; }
    std::string noun() const override { return "passphrase"; }
    std::string it_gives() const override { return "this passphrase gives"; }
    Advice advice_for_names() const override;

  private:
    const SecretBytes& passphrase_;
    PassphraseMeans means_;
    Salt salt_ = content_salt;
};

/// From tokens that ecryptfs-utils put into the keyring.
class KeyringSource final : public KeySource {
  public:
    KeyringSource(Keyring& keyring, std::string signature, std::optional<std::string> filename_signature)
        : keyring_(keyring), signature_(std::move(signature)),
          filename_signature_(std::move(filename_signature)) {}
    Fekek content_key(const std::set<std::string>& wanted) override;
    std::optional<Fekek> filename_key(const Fekek& content, const std::set<std::string>& wanted) override;
    std::string noun() const override { return "key"; }
    std::string it_gives() const override { return "the key in the keyring is"; }

  private:
    Keyring& keyring_;
    std::string signature_;
    std::optional<std::string>
        filename_signature_; ///< for an empty volume; otherwise the names on disk decide
};

/// From the keys themselves. Throws Error{usage} when one has not fekek_size bytes.
class FekekSource final : public KeySource {
  public:
    /// Without a `filename_key` names are encrypted with the key of the contents.
    explicit FekekSource(SecretBytes content_key, std::optional<SecretBytes> filename_key = std::nullopt);
    Fekek content_key(const std::set<std::string>& wanted) override;
    std::optional<Fekek> filename_key(const Fekek& content, const std::set<std::string>& wanted) override;
    std::string noun() const override { return "key"; }
    std::string it_gives() const override { return "the key in the file is"; }

  private:
    SecretBytes content_key_;
    std::optional<SecretBytes> filename_key_;
};

} // namespace sealmount
