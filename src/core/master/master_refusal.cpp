// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/master/master_refusal.hpp"

#include "base/format.hpp"

#include <utility>

namespace sealmount {

std::vector<Problem> reasons_of(const SlotRefusal& slot) {
    std::vector<Problem> reasons;
    for (const PcrMismatch& mismatch : slot.mismatches) {
        reasons.push_back({.message = describe(mismatch)});
    }
    reasons.insert(reasons.end(), slot.reasons.begin(), slot.reasons.end());
    if (reasons.empty()) {
        reasons.push_back({.message = with_detail(Refusal{.kind = slot.kind, .detail = slot.detail})});
    }
    return reasons;
}

std::vector<Problem> lines_about(const SlotRefusal& slot) {
    std::vector<Problem> lines = reasons_of(slot);
    for (Problem& line : lines) {
        line.message = formatted("slot {}: {}", slot.slot, line.message);
    }
    return lines;
}

MasterRefusal refusal_without_slots(Refusal refusal) {
    return {.kind = refusal.kind, .detail = std::move(refusal.detail)};
}

MasterRefusal refusal_from(const Error& error) {
    const bool is_about_files = error.reason() == Reason::config || error.reason() == Reason::bad_data;
    return {.kind = is_about_files ? RefusalKind::files_unusable : RefusalKind::tpm_failed,
            .detail = error.what()};
}

std::optional<Advice> advice_about_srk(const RefusalKind kind) {
    switch (kind) {
    case RefusalKind::storage_disabled:
        return Advice{.kind = AdviceKind::enable_storage};
    case RefusalKind::srk_locked:
        return Advice{.kind = AdviceKind::evict_locked_srk};
    default:
        return std::nullopt;
    }
}

Advice advice_for(const MasterRefusal& refusal, Advice otherwise) {
    for (const SlotRefusal& slot : refusal.slots) {
        for (Problem& reason : reasons_of(slot)) {
            if (reason.advice.kind != AdviceKind::none) {
                return std::move(reason.advice);
            }
        }
    }
    return otherwise;
}

std::string with_detail(const MasterRefusal& refusal) {
    return with_detail(Refusal{.kind = refusal.kind, .detail = refusal.detail});
}

} // namespace sealmount
