// Where the keys of an enrolment come from, and whether they are those of the lower directory.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/enroll.hpp"
#include "core/passphrase.hpp"

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace sealmount {

/// Gives the keys of a volume, one at a time. Sentences about a wrong one are made of the two names.
class KeySource {
  public:
    KeySource() = default;
    KeySource(const KeySource&) = delete;
    KeySource& operator=(const KeySource&) = delete;
    virtual ~KeySource() = default;

    /// The key of the file contents.
    [[nodiscard]] virtual Fekek content_key() = 0;

    /// The key of the file names; nothing where it is the key of the contents. `wanted` are the signatures
    /// that names on disk ask for, none in an empty volume.
    [[nodiscard]] virtual std::optional<Fekek> filename_key(const Fekek& content,
                                                            const std::set<std::string>& wanted) = 0;

    [[nodiscard]] virtual std::string noun() const = 0;     ///< "passphrase"
    [[nodiscard]] virtual std::string it_gives() const = 0; ///< "this passphrase gives"
};

/// Both keys from one passphrase, as ecryptfs-add-passphrase makes them.
class PassphraseSource final : public KeySource {
  public:
    explicit PassphraseSource(const SecretBytes& passphrase) : passphrase_(passphrase) {}
    Fekek content_key() override;
    std::optional<Fekek> filename_key(const Fekek& content, const std::set<std::string>& wanted) override;
    std::string noun() const override { return "passphrase"; }
    std::string it_gives() const override { return "this passphrase gives"; }

  private:
    const SecretBytes& passphrase_;
};

/// From tokens that ecryptfs-utils put into the keyring.
class KeyringSource final : public KeySource {
  public:
    KeyringSource(Keyring& keyring, const KeyringKeys& keys) : keyring_(keyring), keys_(keys) {}
    Fekek content_key() override;
    std::optional<Fekek> filename_key(const Fekek& content, const std::set<std::string>& wanted) override;
    std::string noun() const override { return "key"; }
    std::string it_gives() const override { return "the key in the keyring is"; }

  private:
    Keyring& keyring_;
    const KeyringKeys& keys_;
};

/// The keys for this volume: the content key, then the filename key where it is another one. Fills in the
/// volume's signatures. Throws Error{refused} naming both signatures when the key did not make this
/// directory, or another one than an enrolled volume of the same directory has.
[[nodiscard]] std::vector<Fekek> keys_for_volume(const Store& store, EnrollRequest& request,
                                                 const Survey& survey, KeySource& source);

/// What becomes of the *user* keys that the volume's keys were taken from, once the manifest is written: they
/// are dropped, if that was asked for. Returns a warning, with the mend, for each that stays: eCryptfs
/// prefers it to ours, and it can be read.
[[nodiscard]] std::vector<std::string> settle_user_keys(Keyring& keyring, const KeyringKeys& keys,
                                                        const std::vector<std::string>& signatures);

} // namespace sealmount
