// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/enroll/enroll_group.hpp"

#include "base/format.hpp"
#include "core/enroll/enroll_checks.hpp"
#include "core/enroll/enroll_keys.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace sealmount {

namespace {

/// The volume as it is enrolled already, or nullptr. One with other settings is for the person to sort out;
/// what its lower directory is has been looked at before.
const Volume* listed_as(const Store& store, const Manifest& manifest, const Volume& volume) {
    const Volume* const before = manifest.find(volume.name);
    if (before == nullptr) {
        return nullptr;
    }
    Volume same = volume;
    same.ground = before->ground;
    if (*before != same) {
        throw Error{Reason::refused,
                    formatted("{} already has a volume called \"{}\", with other settings",
                              store.paths().manifest().string(), volume.name),
                    {.kind = AdviceKind::edit_or_remove, .subject = volume.name}};
    }
    return before;
}

} // namespace

EnrollGroup::EnrollGroup(EnrollSession& session) : session_(session), lock_(session.store().lock()) {
    finish_removals(session_.store());
    session_.look();
}

EnrollGroup::~EnrollGroup() {
    if (!members_.empty()) { // not committed
        session_.settle(false);
    }
}

void EnrollGroup::add(EnrollDraft& draft, KeySource& source) {
    const Store& store = session_.store();
    const Manifest& manifest = session_.manifest();
    Volume& volume = draft.request.volume;
    // Under the store's lock now: the manifest may be another one than when the draft was made.
    check_against_manifest(session_, volume);
    const std::vector<Fekek> keys = keys_for_volume(manifest.volumes, draft.request, draft.survey, source);
    const Volume* const before = listed_as(store, manifest, volume);
    const bool is_listed = before != nullptr;
    const bool has_new_ground = is_listed && is_ground_to_be_written(*before, volume);
    const EnrolledMaster& master = session_.master(draft.request, keys);
    KeyTexts texts = key_texts_for(store, manifest, session_.waiting_texts(), volume, master, keys);
    const bool proved_in_kernel = session_.kernel_proof().prove(volume, master.file, texts);
    session_.expect(volume, texts);
    members_.push_back({.staged = {.guard = draft.request.guard,
                                   .owner = draft.request.owner,
                                   .is_listed = is_listed,
                                   .has_new_ground = has_new_ground,
                                   .texts = std::move(texts),
                                   .enrolled = {.volume = volume, .proved_in_kernel = proved_in_kernel}},
                        .from_keyring = draft.request.from_keyring});
}

bool EnrollGroup::is_full() const {
    return members_.size() >= largest_group || std::chrono::steady_clock::now() - began_ >= longest_group;
}

std::optional<WriteFailure> EnrollGroup::write(const std::span<Member* const> members) {
    std::vector<StagedVolume*> staged;
    for (Member* const member : members) {
        staged.push_back(&member->staged);
    }
    return write_group(session_, staged);
}

EnrollGroup::Outcome EnrollGroup::outcome_of(Member& member) {
    if (member.refusal) {
        return std::unexpected{std::move(*member.refusal)};
    }
    Enrolled& enrolled = member.staged.enrolled;
    if (member.from_keyring) {
        std::vector<Problem> warnings = settle_user_keys(session_.context().machine.keyring,
                                                         *member.from_keyring, enrolled.volume.signatures());
        enrolled.warnings.insert(enrolled.warnings.end(), std::make_move_iterator(warnings.begin()),
                                 std::make_move_iterator(warnings.end()));
    }
    return std::move(enrolled);
}

std::vector<EnrollGroup::Outcome> EnrollGroup::commit() {
    std::vector<Member*> all;
    for (Member& member : members_) {
        all.push_back(&member);
    }
    bool all_written = true;
    if (!all.empty()) {
        if (const auto failure = write(all)) {
            all_written = false;
            for (Member*& member : all) {
                member->refusal = failure->error;
                if (!failure->is_committed && all.size() > 1) {
                    const auto own = write({&member, 1});
                    member->refusal = own ? std::optional{own->error} : std::nullopt;
                }
            }
        }
    }
    session_.settle(all_written);
    std::vector<Outcome> outcomes;
    for (Member& member : members_) {
        outcomes.push_back(outcome_of(member));
    }
    members_.clear();
    return outcomes;
}

} // namespace sealmount
