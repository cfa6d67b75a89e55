// What enrollments that follow each other have in common: one look at the manifest, at the mounts and at who
// has them, one connection to the TPM, each master key unsealed and proved once.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/enroll/enroll_proof.hpp"
#include "core/volume/taken_places.hpp"
#include "sys/files/fstab.hpp"
#include "sys/files/lower_use.hpp"
#include "sys/files/mount_view.hpp"
#include "sys/files/mounts.hpp"

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace sealmount {

/// Master keys stay in locked memory, and in the process's own keyring, until forget_keys() or the end. All
/// that it knows of the store is compared with the disk by look(), and so are the mounts. What one of its
/// getters gives is good until the next look. The context must outlive it.
class EnrollSession {
  public:
    /// Looks. `tpm`: a managed one that is open already. Throws Error{config} for a manifest that cannot be
    /// read.
    explicit EnrollSession(const EnrollContext& context, std::unique_ptr<Tpm> tpm = nullptr);
    EnrollSession(const EnrollSession&) = delete;
    EnrollSession& operator=(const EnrollSession&) = delete;

    [[nodiscard]] const EnrollContext& context() const { return context_; }
    [[nodiscard]] const Store& store() const { return context_.store; }
    /// The managed one, opened when it is asked for first. Throws Error{unavailable}.
    [[nodiscard]] Tpm& tpm();
    [[nodiscard]] std::unique_ptr<Tpm> release_tpm() { return std::move(tpm_); }

    /// The manifest as of the last look, then what is to be added to it.
    [[nodiscard]] const Manifest& manifest() const { return manifest_; }
    /// Does a volume of it have this master key?
    [[nodiscard]] bool is_used(std::string_view master) const;
    /// Where the volumes of that manifest lie, those included that are to be added.
    [[nodiscard]] const TakenPlaces& taken_places();
    /// The mounts as of the last look: what is on a mount point, and this process's view of them.
    [[nodiscard]] const MountList& mounts();
    [[nodiscard]] const MountView& view();
    /// The eCryptfs mounts of every namespace, and the lines of /etc/fstab, as of the first question after
    /// the last look.
    [[nodiscard]] const EcryptfsMounts& ecryptfs_mounts();
    [[nodiscard]] const std::vector<FstabLine>& fstab();
    /// The texts of keys that are to be written.
    [[nodiscard]] const KeyTexts& waiting_texts() const { return waiting_texts_; }

    /// Throws Error when the store cannot be written; asked once.
    void check_writable();
    /// Will this be the first to make the master key that it names? Says so once for each.
    [[nodiscard]] bool announces_master(const std::string& name);
    /// That the configuration is mounted too late (core/store/configuration_mount.hpp), if it is; said once.
    [[nodiscard]] std::optional<Problem> announced_configuration_mount();

    /// Makes everything new that has changed on disk, by whomever; under the store's lock nobody of ours can.
    /// A master key whose file is another one now is forgotten. The table of mounts is read, and taken apart
    /// only where it is another one than before.
    void look();

    /// The master key of the request, for a volume that has these keys; obtained once. What was refused once
    /// is not tried again: with a PIN, each try counts. Throws Error with its advice.
    [[nodiscard]] EnrolledMaster& master(const EnrollRequest& request, const std::vector<Fekek>& keys);
    /// One that was obtained.
    [[nodiscard]] EnrolledMaster& master(const std::string& name) { return masters_.at(name); }
    [[nodiscard]] KernelProof& kernel_proof() { return kernel_proof_; }
    /// Before somebody is asked, who may take their time.
    void forget_keys();

    /// The volume is checked and proved: those that follow have to fit it, too. One that is listed gets its
    /// new ground, if it is to have one.
    void expect(const Volume& volume, const KeyTexts& texts);
    /// The commit: adds the volumes, and the grounds of others by their names, to the manifest as it is on
    /// disk now, also where somebody has edited it without the lock meanwhile. Throws Error.
    void write_manifest(const std::vector<Volume>& added, const std::map<std::string, Ground>& grounds);
    /// Nothing waits to be written any more. Unless `all` of it was, the manifest is again that on the disk.
    void settle(bool all);

  private:
    void look_at_mounts();

    const EnrollContext& context_;
    std::unique_ptr<Tpm> tpm_;
    std::string text_; ///< of the manifest
    Manifest manifest_;
    bool is_stale_ = true;  ///< the manifest is not what the text says
    std::string mountinfo_; ///< the text that mounts_ and view_ are made from
    std::optional<MountList> mounts_;
    std::optional<MountView> view_;
    std::optional<EcryptfsMounts> ecryptfs_mounts_;
    std::optional<std::vector<FstabLine>> fstab_;
    std::optional<TakenPlaces> taken_places_; ///< refers to view_
    KeyTexts waiting_texts_;
    bool is_writable_ = false;
    bool is_configuration_announced_ = false;
    std::set<std::string> announced_;
    std::map<std::string, EnrolledMaster> masters_;
    std::map<std::string, Error> refused_; ///< master keys
    KernelProof kernel_proof_;
};

} // namespace sealmount
