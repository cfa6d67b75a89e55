// The enrollment story: an existing passphrase becomes encrypted keys under a sealed master key, proved
// before the manifest names them. And the way back.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "base/advice.hpp"
#include "core/ecryptfs/key_source.hpp"
#include "core/ecryptfs/survey.hpp"
#include "core/master/master_unlock.hpp"
#include "core/master/seal_slot.hpp"
#include "core/slots/srk_trust.hpp"
#include "core/store/store.hpp"
#include "core/volume/manifest.hpp"
#include "sys/keyring/keyring.hpp"
#include "sys/tpm/tpm.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace sealmount {

class EnrollSession;

/// Tokens of ecryptfs-utils in the keyring, in place of a passphrase.
struct KeyringKeys {
    std::string signature;
    std::optional<std::string> filename_signature; ///< for an empty volume; else the names on disk decide
    bool drop = false;                             ///< take them out of the keyring once all is written
};

/// What another program's setup says about the volume's keys. Passphrase and files must agree with it.
struct ExpectedKeys {
    std::string signature;
    std::optional<std::string> filename_signature; ///< nothing: file names are not encrypted
    std::string said_by;                           ///< the file that says so
};

/// What the person asked for; what is not given is detected from the lower directory, or defaulted.
struct EnrollRequest {
    Volume volume; ///< name, paths, master, options, nofail, noauto, headless, timeout; the rest is filled in
    std::optional<std::string> cipher;
    std::optional<unsigned> key_bytes;
    bool filename_encryption = false;
    Policy policy; ///< for a new master key; PCRs without a value take the present one
    std::optional<KeyringKeys> from_keyring;
    bool guard = true; ///< make the mount point immutable
    bool may_be_empty =
        false; ///< the lower directory is new: that it is empty, or below a mount of fstab, is meant
    const SecretBytes* recovery_key = nullptr; ///< of a new master key; nullptr: it has none
    std::optional<ExpectedKeys> expected;
    /// Both directories are this user's, as the user has set them up: none is made, and one that belongs to
    /// somebody else by the time it is used is refused.
    std::optional<uid_t> owner;
};

/// What an enrollment needs beside its request. Only refers; everything must outlive the call.
struct EnrollContext {
    const Machine& machine;
    const Store& store;
    /// The kernel's trusted keys use this very TPM, so that the proof can go through the kernel as well.
    bool kernel_uses_this_tpm = true;
    const SecretBytes* pin = nullptr; ///< for a policy that has one, and to open a slot that does
    PresentBinder bind = bind_to_present_values(store.policy_files());
    bool accepts_new_tpm = false; ///< a person has said that the TPM is another one than before

    [[nodiscard]] UnsealRequest request_for(const MasterFile& master) const {
        return {.file = master, .files = store.policy_files(), .pin = pin};
    }
};

/// An enrollment that has passed every check that needs no passphrase. Nothing has been written.
struct EnrollDraft {
    EnrollRequest request;
    Survey survey;
    std::unique_ptr<Tpm> tpm; ///< open already, where no session has it
    std::vector<Problem> warnings;
};

struct Enrolled {
    Volume volume;
    bool new_master = false;
    bool new_srk = false;
    std::optional<unsigned> recovery_slot{}; ///< in which the request's recovery key is
    bool proved_in_kernel = false;
    bool guarded = false;             ///< nothing can be written into the mount point while it is not mounted
    std::vector<std::string> files{}; ///< what was written, in order; nothing when all was there already
    std::vector<Problem> warnings{};
    std::optional<TrustedSrk> srk{}; ///< with a new master key: what it is sealed under, and who knows that
};

/// Checks all that can be known before a passphrase is typed: the name and the mount point are free in the
/// manifest and in the kernel, the lower directory is there, is nobody else's and was made in the way that
/// was asked for, its files ask for the expected keys, the kernel has its ciphers, the store can be written,
/// the TPM is there. Paths lose their symbolic links, and the ground is noted. Throws Error with its advice.
/// The session (enroll_session.hpp) is what several enrollments share; without one it is the only one.
[[nodiscard]] EnrollDraft prepare_enrollment(EnrollSession& session, EnrollRequest request);
[[nodiscard]] EnrollDraft prepare_enrollment(const EnrollContext& context, EnrollRequest request);

/// Derives the keys, refuses a passphrase that did not make this directory, seals or unseals the master key,
/// proves everything (unsealed again, compared, and loaded by the kernel where it can), guards the mount
/// point (sys/files/guard.hpp; what prevents that is a warning), writes masters, keys and manifest in this
/// order. On failure what was newly made is taken back. A volume that is enrolled already, with the same
/// settings, is repaired where something is missing. It is a group of one (enroll_group.hpp), and takes the
/// store's lock for itself. Throws Error.
[[nodiscard]] Enrolled enroll(EnrollSession& session, EnrollDraft& draft, KeySource& source);
[[nodiscard]] Enrolled enroll(const EnrollContext& context, EnrollDraft& draft, KeySource& source);

struct Removed {
    std::vector<std::string> files{}; ///< what was removed, in order
    std::vector<Problem> warnings{};
};

/// Lifts the guard, takes the volume out of the manifest, then its keys and its master key where no other
/// volume uses them. Refuses while it is mounted. The files of the volume are not touched; its passphrase
/// still opens it. A removal that was killed half-way is continued.
[[nodiscard]] Removed remove_volume(const Store& store, std::string_view name);

/// Has a removal of this volume been killed after the volume had left the manifest?
[[nodiscard]] bool is_half_removed(const Store& store, std::string_view name);

/// Ends removals that were killed half-way: removes those of their keys and master keys that the manifest
/// does not refer to. Returns what was removed.
std::vector<std::string> finish_removals(const Store& store);

} // namespace sealmount
