// The enrolment story: an existing passphrase becomes encrypted keys under a sealed master key, proved before
// the manifest names them. And the way back.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/manifest.hpp"
#include "core/master_unlock.hpp"
#include "core/store.hpp"
#include "core/survey.hpp"
#include "sys/keyring.hpp"
#include "sys/tpm.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sealmount {

/// What the person asked for; what is not given is detected from the lower directory, or defaulted.
struct EnrollRequest {
    Volume volume; ///< name, paths, master, options, nofail, noauto, headless, timeout; the rest is filled in
    std::optional<std::string> cipher;
    std::optional<unsigned> key_bytes;
    bool filename_encryption = false;
    PcrSelection pcrs; ///< for a new master key
};

/// The outside world of an enrolment. Only refers; everything must outlive the call.
struct EnrollWorld {
    const Store& store;
    TpmOpener& tpm;
    Keyring& keyring;
    Pause pause;
    /// The kernel's trusted keys use this very TPM, so that the proof can go through the kernel as well.
    bool kernel_uses_this_tpm = true;
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
    bool proved_in_kernel = false;
    std::vector<std::string> files; ///< what was written, in order
};

/// Checks all that can be known before a passphrase is typed: the name and the mount point are free in the
/// manifest and in the kernel, the lower directory is there and was not made in another way than asked for,
/// the store can be written, the TPM is there. Throws Error with the mend.
[[nodiscard]] EnrollDraft prepare_enrollment(const EnrollWorld& world, EnrollRequest request);

/// Derives the keys, refuses a passphrase that did not make this directory, seals or unseals the master key,
/// proves everything (unsealed again, compared, and loaded by the kernel where it can), writes masters, keys
/// and manifest in this order. On failure what was newly written is taken back. Throws Error.
[[nodiscard]] Enrolled enroll(const EnrollWorld& world, EnrollDraft& draft, const SecretBytes& passphrase);

struct Removed {
    std::vector<std::string> files; ///< what was removed, in order
};

/// Takes the volume out of the manifest, then its keys and its master key where no other volume uses them.
/// Refuses while it is mounted. The files of the volume are not touched; its passphrase still opens it.
[[nodiscard]] Removed remove_volume(const Store& store, std::string_view name);

} // namespace sealmount
