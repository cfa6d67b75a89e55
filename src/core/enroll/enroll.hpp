// The enrolment story: an existing passphrase becomes encrypted keys under a sealed master key, proved before
// the manifest names them. And the way back.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/ecryptfs/survey.hpp"
#include "core/master/master_unlock.hpp"
#include "core/master/seal_slot.hpp"
#include "core/store/store.hpp"
#include "core/volume/manifest.hpp"
#include "sys/keyring/keyring.hpp"
#include "sys/tpm/tpm.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sealmount {

/// Tokens of ecryptfs-utils in the keyring, in place of a passphrase.
struct KeyringKeys {
    std::string signature;
    std::optional<std::string> filename_signature; ///< for an empty volume; the names on disk tell otherwise
    bool drop = false;                             ///< take them out of the keyring once all is written
};

/// What another program's set-up says of the volume's keys. Passphrase and files must agree with it.
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
    bool guard = true;                         ///< make the mount point immutable
    const SecretBytes* recovery_key = nullptr; ///< of a new master key; nullptr: it has none
    std::optional<ExpectedKeys> expected;
};

/// What an enrollment needs beside its request. Only refers; everything must outlive the call.
struct EnrollContext {
    const Machine& machine;
    const Store& store;
    /// The kernel's trusted keys use this very TPM, so that the proof can go through the kernel as well.
    bool kernel_uses_this_tpm = true;
    const SecretBytes* pin = nullptr; ///< for a policy that has one, and to open a slot that does
    PresentBinder bind = bind_to_present_values(store.policy_files());

    [[nodiscard]] UnsealRequest request_for(const MasterFile& master) const {
        return {master, store.policy_files(), pin};
    }
};

/// An enrolment whose every check that needs no passphrase has passed. Nothing has been written.
struct EnrollDraft {
    EnrollRequest request;
    Survey survey;
    std::unique_ptr<Tpm> tpm;
    std::vector<std::string> warnings;
};

struct Enrolled {
    Volume volume;
    bool new_master = false;
    bool new_srk = false;
    std::optional<unsigned> recovery_slot; ///< in which the request's recovery key is
    bool proved_in_kernel = false;
    bool guarded = false;           ///< nothing can be written into the mount point while it is not mounted
    std::vector<std::string> files; ///< what was written, in order; nothing when all was there already
    std::vector<std::string> warnings;
};

/// Checks all that can be known before a passphrase is typed: the name and the mount point are free in the
/// manifest and in the kernel, the lower directory is there and was not made in another way than asked for,
/// its files ask for the expected keys, the store can be written, the TPM is there. Throws Error with the
/// mend.
[[nodiscard]] EnrollDraft prepare_enrollment(const EnrollContext& context, EnrollRequest request);

class KeySource;

/// Derives the keys, refuses a passphrase that did not make this directory, seals or unseals the master key,
/// proves everything (unsealed again, compared, and loaded by the kernel where it can), guards the mount
/// point (sys/files/guard.hpp; what keeps it from that is a warning), writes masters, keys and manifest in
/// this order. On failure what was newly made is taken back. A volume that is enrolled already, with the same
/// settings, is mended where something is missing. Throws Error.
[[nodiscard]] Enrolled enroll(const EnrollContext& context, EnrollDraft& draft, KeySource& source);
[[nodiscard]] Enrolled enroll(const EnrollContext& context, EnrollDraft& draft,
                              const SecretBytes& passphrase);

/// The same with the keys that `draft.request.from_keyring` names.
[[nodiscard]] Enrolled enroll_from_keyring(const EnrollContext& context, EnrollDraft& draft);

struct Removed {
    std::vector<std::string> files; ///< what was removed, in order
    std::vector<std::string> warnings;
};

/// Lifts the guard, takes the volume out of the manifest, then its keys and its master key where no other
/// volume uses them. Refuses while it is mounted. The files of the volume are not touched; its passphrase
/// still opens it. A removal that was killed half-way is gone on with.
[[nodiscard]] Removed remove_volume(const Store& store, std::string_view name);

/// Has a removal of this volume begun that did not come to its end, after it had left the manifest?
[[nodiscard]] bool is_half_removed(const Store& store, std::string_view name);

/// Ends removals that were killed half-way: removes of their keys and master keys what the manifest does not
/// refer to. What was removed.
std::vector<std::string> finish_removals(const Store& store);

} // namespace sealmount
