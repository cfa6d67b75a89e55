// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/enroll/enroll_session.hpp"

#include "core/enroll/enroll_checks.hpp"
#include "core/store/configuration_mount.hpp"
#include "sys/files/files.hpp"
#include "sys/files/holding_mount.hpp"

#include <algorithm>
#include <utility>

namespace sealmount {

EnrollSession::EnrollSession(const EnrollContext& context, std::unique_ptr<Tpm> tpm)
    : context_(context), tpm_(std::move(tpm)), kernel_proof_(context) {
    look();
}

Tpm& EnrollSession::tpm() {
    if (!tpm_) {
        tpm_ = open_managed_tpm(context_.machine.tpm, context_.machine.backoff);
    }
    return *tpm_;
}

bool EnrollSession::is_used(const std::string_view master) const {
    return std::ranges::any_of(manifest_.volumes,
                               [&](const Volume& volume) { return volume.master == master; });
}

const TakenPlaces& EnrollSession::taken_places() {
    if (!taken_places_) {
        taken_places_.emplace(store().paths(), view(), manifest_.volumes);
    }
    return *taken_places_;
}

const MountList& EnrollSession::mounts() {
    if (!mounts_) {
        mounts_ = MountList::parsed(mountinfo_);
    }
    return *mounts_;
}

const MountView& EnrollSession::view() {
    if (!view_) {
        view_.emplace("/proc/self", MountTable::parsed(mountinfo_));
    }
    return *view_;
}

const EcryptfsMounts& EnrollSession::ecryptfs_mounts() {
    if (!ecryptfs_mounts_) {
        ecryptfs_mounts_ = EcryptfsMounts::look("/proc", view(), EcryptfsMounts::held_by_kernel());
    }
    return *ecryptfs_mounts_;
}

const std::vector<FstabLine>& EnrollSession::fstab() {
    if (!fstab_) {
        const auto text = read_trusted_file_if_exists(store().paths().below_root("/etc/fstab"));
        fstab_ = read_fstab(text.value_or(""));
    }
    return *fstab_;
}

void EnrollSession::check_writable() {
    if (!is_writable_) {
        store().check_writable();
        is_writable_ = true;
    }
}

bool EnrollSession::announces_master(const std::string& name) {
    return !store().has_master(name) && announced_.insert(name).second;
}

std::optional<Problem> EnrollSession::announced_configuration_mount() {
    if (std::exchange(is_configuration_announced_, true) || !store().paths().is_running_system()) {
        return std::nullopt;
    }
    const auto mount = configuration_mount(store().paths(), mountinfo_);
    return mount ? std::optional{problem_with(*mount)} : std::nullopt;
}

void EnrollSession::look_at_mounts() {
    // Others have mounts that this table does not show.
    ecryptfs_mounts_.reset();
    fstab_.reset();
    std::string mountinfo = text_of_mountinfo();
    if (mountinfo != mountinfo_) {
        taken_places_.reset();
        view_.reset();
        mounts_.reset();
        mountinfo_ = std::move(mountinfo);
    }
}

void EnrollSession::look() {
    look_at_mounts();
    std::string text = store().manifest_text();
    if (is_stale_ || text != text_) {
        is_stale_ = true;
        taken_places_.reset();
        manifest_ = store().manifest_from(text);
        text_ = std::move(text);
        is_stale_ = false;
    }
    for (auto master = masters_.begin(); master != masters_.end();) {
        if (store().master_text(master->first) == master->second.on_disk) {
            ++master;
        } else {
            kernel_proof_.forget(master->first);
            master = masters_.erase(master);
        }
    }
}

EnrolledMaster& EnrollSession::master(const EnrollRequest& request, const std::vector<Fekek>& keys) {
    const std::string& name = request.volume.master;
    if (const auto known = masters_.find(name); known != masters_.end()) {
        return known->second;
    }
    if (const auto refused = refused_.find(name); refused != refused_.end()) {
        throw refused->second;
    }
    try {
        return masters_.emplace(name, obtain_master(context_, tpm(), manifest_, request, keys)).first->second;
    } catch (const Error& error) {
        if (error.reason() == Reason::refused) {
            refused_.emplace(name, error);
        }
        throw;
    }
}

void EnrollSession::forget_keys() {
    kernel_proof_.forget_all();
    masters_.clear();
}

void EnrollSession::expect(const Volume& volume, const KeyTexts& texts) {
    const auto before = std::ranges::find(manifest_.volumes, volume.name, &Volume::name);
    if (before == manifest_.volumes.end()) {
        manifest_.volumes.push_back(volume);
        if (taken_places_) {
            taken_places_->add(volume);
        }
    } else if (is_ground_to_be_written(*before, volume)) {
        before->ground = volume.ground;
    }
    waiting_texts_.insert(texts.begin(), texts.end());
}

void EnrollSession::write_manifest(const std::vector<Volume>& added,
                                   const std::map<std::string, Ground>& grounds) {
    const std::string before = store().manifest_text();
    std::string after = manifest_with(before, added, grounds);
    store().write_manifest(after);
    is_stale_ = is_stale_ || before != text_;
    text_ = std::move(after);
}

void EnrollSession::settle(const bool all) {
    waiting_texts_.clear();
    if (!all) { // what did not come to be takes no place from what is looked at next
        taken_places_.reset();
        manifest_ = store().manifest_from(text_);
    }
}

} // namespace sealmount
