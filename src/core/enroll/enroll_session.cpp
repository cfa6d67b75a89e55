// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/enroll/enroll_session.hpp"

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

const MountList& EnrollSession::mounts() {
    if (!mounts_) {
        mounts_ = MountList::now();
    }
    return *mounts_;
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

void EnrollSession::look() {
    mounts_.reset();
    std::string text = store().manifest_text();
    if (is_stale_ || text != text_) {
        is_stale_ = true;
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

EnrolledMaster& EnrollSession::master(const EnrollRequest& request) {
    const std::string& name = request.volume.master;
    if (const auto known = masters_.find(name); known != masters_.end()) {
        return known->second;
    }
    if (const auto refused = refused_.find(name); refused != refused_.end()) {
        throw refused->second;
    }
    try {
        return masters_.emplace(name, obtain_master(context_, tpm(), manifest_, request)).first->second;
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
    if (manifest_.find(volume.name) == nullptr) {
        manifest_.volumes.push_back(volume);
    }
    waiting_texts_.insert(texts.begin(), texts.end());
}

void EnrollSession::write_manifest(const std::vector<Volume>& added) {
    const std::string before = store().manifest_text();
    std::string after = manifest_with(before, added);
    store().write_manifest(after);
    is_stale_ = is_stale_ || before != text_;
    text_ = std::move(after);
}

void EnrollSession::settle(const bool all) {
    waiting_texts_.clear();
    is_stale_ = is_stale_ || !all;
}

} // namespace sealmount
