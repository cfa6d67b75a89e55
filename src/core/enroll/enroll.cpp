// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/enroll/enroll.hpp"

#include "core/enroll/enroll_checks.hpp"
#include "core/enroll/enroll_group.hpp"
#include "core/enroll/enroll_keys.hpp"
#include "core/enroll/enroll_survey.hpp"

#include <iterator>
#include <utility>

namespace sealmount {

namespace {

void append(std::vector<Problem>& problems, std::vector<Problem> more) {
    problems.insert(problems.end(), std::make_move_iterator(more.begin()),
                    std::make_move_iterator(more.end()));
}

} // namespace

EnrollDraft prepare_enrollment(EnrollSession& session, EnrollRequest request) {
    const Store& store = session.store();
    std::vector<Problem> warnings = take_links_out(store.paths(), request);
    check_directories(store, session.mounts(), request.volume);
    check_against_manifest(session, request.volume);
    check_paths(store.paths(), session.view(), request.volume, request.owner,
                last_component_before_guard(request.guard, request.volume));
    append(warnings, check_ground(session, request));
    session.check_writable();
    Survey found = survey_of(store.paths().below_root(request.volume.lower));
    check_expected_keys(request, found);
    append(warnings, complete_from_survey(request, found));
    check_ciphers_of_kernel(store.paths(), request.volume);
    Tpm& tpm = session.tpm();
    if (session.announces_master(request.volume.master)) {
        append(warnings, warnings_about(session.context().bind(tpm, request.policy).front().policy));
    }
    if (auto problem = session.announced_configuration_mount()) {
        warnings.push_back(std::move(*problem));
    }
    return {.request = std::move(request),
            .survey = std::move(found),
            .tpm = nullptr,
            .warnings = std::move(warnings)};
}

Enrolled enroll(EnrollSession& session, EnrollDraft& draft, KeySource& source) {
    EnrollGroup group{session};
    group.add(draft, source);
    EnrollGroup::Outcome outcome = std::move(group.commit().front());
    if (!outcome) {
        throw std::move(outcome.error());
    }
    return std::move(*outcome);
}

EnrollDraft prepare_enrollment(const EnrollContext& context, EnrollRequest request) {
    EnrollSession session{context};
    EnrollDraft draft = prepare_enrollment(session, std::move(request));
    draft.tpm = session.release_tpm();
    return draft;
}

Enrolled enroll(const EnrollContext& context, EnrollDraft& draft, KeySource& source) {
    EnrollSession session{context, std::move(draft.tpm)};
    return enroll(session, draft, source);
}

} // namespace sealmount
