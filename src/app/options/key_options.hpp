// The options that say where an enrollment takes the volume's keys from.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "app/arguments/arguments.hpp"
#include "app/options/globals.hpp"
#include "core/ecryptfs/key_source.hpp"
#include "core/enroll/enroll.hpp"
#include "sys/host/machine.hpp"

#include <functional>
#include <memory>
#include <string>

namespace sealmount {

/// The command line as it was written.
struct KeyOptions {
    std::string passphrase_file;
    std::string
        passphrase_option_file; ///< of ecryptfs-utils, with "passphrase_passwd=" before it; no option of ours
    std::string passphrase_credential;
    bool generate = false;
    bool yes = false; ///< the generated passphrase is not asked for again
    std::string wrapped_passphrase;
    std::string wrapped_contents; ///< of that file, where it was read already; no option of ours
    std::string question;         ///< for what has to be typed, where the usual one says too little; likewise
    std::string filename_passphrase_file;
    std::string salt;
    std::string fekek_file;
    std::string filename_fekek_file;
    std::string from_keyring;
    std::string filename_key;
    bool unlink = false;
    std::function<std::unique_ptr<KeySource>()>
        elsewhere; ///< none of these: the keys of a setup that is imported
};

void add_key_options(Arguments& verb, KeyOptions& options);

/// Which key is meant must be plain: one source, and its own options only. Throws Error{usage}.
void check_key_options(const KeyOptions& options);

/// What --salt names. Throws Error{usage}.
[[nodiscard]] Salt salt_of_option(const std::string& hex);

/// Do the options say that file names are encrypted?
[[nodiscard]] bool names_filename_key(const KeyOptions& options);

/// The tokens in the keyring that the options name; nothing when they name another source.
[[nodiscard]] std::optional<KeyringKeys> keyring_keys(const KeyOptions& options);

/// Will somebody have to have known a passphrase for it?
[[nodiscard]] bool takes_passphrase(const KeyOptions& options);

/// Is somebody asked for it, whatever the lower directory holds?
[[nodiscard]] bool asks_for_key(const KeyOptions& options);

/// A source, with the secrets that it refers to.
class KeysInHand {
  public:
    /// Reads files, or asks on the terminal. `survey` is that of `lower`, for the questions. Throws Error.
    KeysInHand(const KeyOptions& options, const std::string& lower, const Survey& survey,
               const Globals& globals, const Machine& machine);

    [[nodiscard]] KeySource& source() { return *source_; }

  private:
    SecretBytes passphrase_;
    std::unique_ptr<KeySource> source_;
};

} // namespace sealmount
