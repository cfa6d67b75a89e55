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

EnrollDraft prepare_enrollment(EnrollSession& session, EnrollRequest request) {
    const Store& store = session.store();
    check_directories(store, session.mounts(), request.volume);
    check_against_manifest(store, session.manifest(), request.volume);
    session.check_writable();
    Survey found = survey_of(store.paths().below_root(request.volume.lower));
    check_expected_keys(request, found);
    std::vector<Problem> warnings = complete_from_survey(request, found);
    Tpm& tpm = session.tpm();
    if (session.announces_master(request.volume.master)) {
        std::vector<Problem> more =
            warnings_about(session.context().bind(tpm, request.policy).front().policy);
        warnings.insert(warnings.end(), std::make_move_iterator(more.begin()),
                        std::make_move_iterator(more.end()));
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
