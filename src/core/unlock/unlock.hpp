// The boot story: how a volume's keys get into the kernel, and out again.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "base/error.hpp"
#include "core/master/master_form.hpp"
#include "core/slots/rebind.hpp"
#include "core/store/store.hpp"
#include "core/volume/manifest.hpp"
#include "sys/keyring/keyring.hpp"
#include "sys/prompt/prompt.hpp"

#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sealmount {

/// How the keys came in.
enum class UnlockMethod {
    already_loaded, ///< nothing to do: another unlock loaded them as well
    mounted,        ///< nothing to do: the volume is mounted, which takes no keys any more
    tpm,            ///< the TPM released the master key
    credential,     ///< by a passphrase that the service manager handed over
    passphrase,     ///< typed by a person
    recovery_key,   ///< of the master key: typed, or handed over
};

struct Unlocked {
    UnlockMethod method = UnlockMethod::already_loaded;
    MasterForm form = MasterForm::trusted; ///< with tpm
    unsigned slot = 0;                     ///< with tpm and recovery_key
    std::string weakness{};                ///< with tpm: what makes the slot a weak one; "" when nothing does
    std::vector<std::string> also_loaded{}; ///< the other volumes whose keys the same master key loaded
    std::vector<std::string> skipped{};     ///< why keys of other volumes were not loaded, one sentence each
};

/// Where an unlock is, for whoever watches it.
enum class UnlockStep {
    waiting_for_tpm,    ///< the firmware announces a TPM whose device is not there yet
    waiting_for_others, ///< another volume's unlock is running
    unsealing,          ///< the TPM is asked for the master key
    loading_keys,       ///< the master key is there
    asking,             ///< a person is asked
};

/// What the story reports while it runs; app/ turns it into sentences.
class UnlockObserver {
  public:
    virtual ~UnlockObserver() = default;
    /// Once, when the manifest has named the volume.
    virtual void begins(const Volume& volume) = 0;
    virtual void step(UnlockStep step) = 0;
    /// A trusted key did not come, for a reason that the user form may get around: it is tried next.
    virtual void falls_back(const Volume& volume, const MasterRefusal& refusal) = 0;
    /// The TPM did not release the master key; a passphrase is asked for next, unless the volume is headless.
    virtual void master_refused(const Volume& volume, const MasterRefusal& refusal) = 0;
    /// The passphrase of the service's credential is not the volume's.
    virtual void credential_wrong(const Volume& volume) = 0;
    virtual void passphrase_wrong(const Volume& volume, unsigned tries_left) = 0;
    virtual void pin_wrong(const Volume& volume, unsigned tries_left) = 0;
    /// The recovery key may be right, but the volume's files are damaged: only the passphrase helps.
    virtual void recovery_key_useless(const Volume& volume, const std::string& why) = 0;
    /// After a passphrase or recovery key: the master key is bound to the present state, or waits for the
    /// passphrases of other volumes (nothing), or could not be.
    virtual void rebound(const Volume& volume, const std::optional<Renewed>& renewed) = 0;
    virtual void not_rebound(const Volume& volume, const Error& why) = 0;
    /// A *user* key of this signature is in the way: eCryptfs would take it instead of ours.
    virtual void user_key_in_the_way(const Volume& volume, std::string_view signature) = 0;
};

/// What an unlock needs beside its volume. Only refers; everything must outlive the call.
struct UnlockContext {
    const Machine& machine;
    const Store& store;
    UnlockObserver& observer;
    /// The passphrase or recovery key that the service manager handed over, if it did (systemd.exec(5),
    /// LoadCredential=).
    std::function<std::optional<SecretBytes>()> credential = [] { return std::nullopt; };
    /// The PIN, in the same way.
    std::function<std::optional<SecretBytes>()> pin_credential = [] { return std::nullopt; };
    PresentBinder bind = {}; ///< for "rebind_after_recovery"; empty: the present values
    /// The passphrase of the file names, where they have their own, in the way of `credential`.
    std::function<std::optional<SecretBytes>()> filename_credential = [] { return std::nullopt; };
    bool may_ask = true; ///< a person, for a PIN; load_automatic_volumes() never does
};

/// How often a person may type a passphrase, or a PIN.
inline constexpr unsigned passphrase_tries = 3;

/// Loads the keys of a volume into root's user keyring, unless it is mounted. In the order of cost: already
/// there; one unseal by the TPM, which loads those of every other automatic volume under the same master key
/// as well (after its PIN was given, when only slots with one fit); a passphrase, or the recovery key of the
/// master key, from the service's credential; one typed by a person. A question is withdrawn when the keys
/// come with the answer to another one. SIGTERM and its like wait while keys or TPM sessions are half-way;
/// unload_volume() takes back what was loaded by then. What /run has noted is believed of nothing: where the
/// kernel does not have the keys, the note goes first. The refusal is the one to report when all failed.
/// Accidents (a damaged key file, say) throw Error, and never before the passphrase was asked for where that
/// can help.
[[nodiscard]] std::expected<Unlocked, Refusal> load_volume(const UnlockContext& context,
                                                           std::string_view name);

/// For a volume that is mounted on demand, at each mount: why it may not be mounted now, as MountObstacles
/// says. Then the note that its keys are loaded goes, and comes again when it may be and the kernel still has
/// them. Throws Error.
[[nodiscard]] std::optional<Refusal> look_at_volume(const Store& store, Keyring& keyring,
                                                    const Volume& volume);

/// Takes the volume's keys out of the keyring, except those that another loaded or mounted volume shares;
/// nothing with "keep_keys". Which they are is in the note of what was loaded, or else in the manifest: each
/// of them may be missing or damaged, and so may room in /run. Where neither says it, all keys of
/// /etc/sealmount go that no volume of the manifest, no note and no mount names. Its own mount, where there
/// still is one, does not count: it holds its keys itself.
void unload_volume(const Paths& paths, Keyring& keyring, std::string_view name);

} // namespace sealmount
