// Recovery keys on the command line: how a new one gets to its owner, and how a present one is given.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "app/arguments/arguments.hpp"
#include "app/options/globals.hpp"
#include "base/refusal.hpp"
#include "core/master/recovery_key.hpp"
#include "core/store/store.hpp"
#include "sys/prompt/prompt.hpp"

#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace sealmount {

/// The command line as it was written.
struct NewRecoveryOptions {
    bool none = false;
    std::string save_file;
};
void add_new_recovery_options(Arguments& verb, NewRecoveryOptions& options);

/// --recovery-key-file of the verbs that make a new master key in place of one that has a recovery key.
void add_present_recovery_option(Arguments& verb, std::string& file);

/// Does a person see what is printed? A secret must not end in a log.
[[nodiscard]] bool is_seen(const Globals& globals);

/// Prints a secret and, after an empty line, its QR code, past the buffers that nobody wipes. `lost` is the
/// message when it cannot be shown. Throws Error.
void show_secret(const SecretBytes& text, const std::string& lost);

/// Does a recovery key open the master key of that name, as it is on disk? Not one that is missing or
/// damaged.
[[nodiscard]] bool opens_master(const Store& store, const std::string& name, const SecretBytes& recovery_key);

/// A recovery key on its way to its owner: into a file, before anything relies on it, or onto the terminal,
/// once it opens something.
class NewRecoveryKey {
  public:
    /// Nothing when it was declined, or when nobody would get it. Throws Error{usage} when both are asked
    /// for, and Error{cannot_create} when the file exists already.
    [[nodiscard]] static std::unique_ptr<NewRecoveryKey> make(const NewRecoveryOptions& options, bool seen);
    /// The same for a master key that no volume has yet: where the file holds a recovery key that is not
    /// another master key's (`is_taken`), a run that was killed had written it, and it is the one.
    [[nodiscard]] static std::unique_ptr<NewRecoveryKey>
    make_or_resume(const NewRecoveryOptions& options, bool seen,
                   const std::function<bool(const SecretBytes&)>& is_taken);
    NewRecoveryKey(const NewRecoveryKey&) = delete;
    NewRecoveryKey& operator=(const NewRecoveryKey&) = delete;
    /// A file whose key was not handed over goes, unless the key opens the master key: what failed may have
    /// failed after the slot was written.
    ~NewRecoveryKey();

    [[nodiscard]] const SecretBytes& key() const { return key_; }
    /// Writes the file, if there is to be one and it is not there: right before the slot of this master key
    /// is written. Throws Error.
    void save(const Store& store, const std::string& master);
    /// The slot is written: says where the key is, or shows it, this once.
    void hand_over(const std::string& master, const Globals& globals);

  private:
    explicit NewRecoveryKey(std::string file);

    SecretBytes key_;
    std::string file_;
    std::function<bool()> is_in_force_; ///< where the file is to go otherwise: we wrote it
    bool resumed_ = false;              ///< the file was there
};

/// What a verb that makes a new master key needs to know of its recovery key. Throws Error{usage} when the
/// old one had one, and the new one would silently have none.
struct RenewedRecoveryKey {
    std::optional<SecretBytes> present;    ///< it stays
    std::unique_ptr<NewRecoveryKey> fresh; ///< a new one takes its place

    [[nodiscard]] const SecretBytes* key() const {
        return present ? &*present : fresh ? &fresh->key() : nullptr;
    }
};
[[nodiscard]] RenewedRecoveryKey recovery_key_for_renewal(const Paths& paths, const std::string& master,
                                                          const NewRecoveryOptions& options,
                                                          const std::string& present_file,
                                                          const Globals& globals);

/// A present recovery key, from the file. Throws Error{usage} when it has none.
[[nodiscard]] SecretBytes recovery_key_in(const std::string& file);

/// The same from the terminal; nothing when the answer is empty.
[[nodiscard]] std::expected<std::optional<SecretBytes>, Refusal>
ask_for_recovery_key(Prompt& prompt, const std::string& question);

} // namespace sealmount
