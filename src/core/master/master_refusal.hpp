// Why the TPM did not release a master key, as a value.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "base/error.hpp"
#include "base/refusal.hpp"
#include "core/master/measured_events.hpp"
#include "core/policy/policy.hpp"

#include <optional>
#include <string>
#include <vector>

namespace sealmount {

/// Why one slot did not release the master key.
struct SlotRefusal {
    unsigned slot = 0;
    RefusalKind kind = RefusalKind::policy_mismatch;
    std::string detail{};
    std::vector<PcrMismatch> mismatches{}; ///< with policy_mismatch
    std::vector<Problem> reasons{};        ///< with policy_mismatch: what is not about literal PCR values
    MeasuredEvents events{};               ///< with policy_mismatch: those that the slot was sealed to
};

/// Why, for people: each thing that stands in its way.
[[nodiscard]] std::vector<Problem> reasons_of(const SlotRefusal& slot);

/// The same, each beginning with "slot N: ".
[[nodiscard]] std::vector<Problem> lines_about(const SlotRefusal& slot);

/// Why no slot of a master key did. `kind` is the one that decides what people should do.
struct MasterRefusal {
    RefusalKind kind = RefusalKind::policy_mismatch;
    std::string detail{};
    std::vector<SlotRefusal> slots{};
};

/// That of something which has no slots yet, or none of them to blame.
[[nodiscard]] MasterRefusal refusal_without_slots(Refusal refusal);

/// An accident as a refusal, where it ends the same way: files_unusable for files of ours, else tpm_failed.
[[nodiscard]] MasterRefusal refusal_from(const Error& error);

/// What to do about a storage root key that is locked or hidden, which no new slot helps against; nothing for
/// other refusals.
[[nodiscard]] std::optional<Advice> advice_about_srk(RefusalKind kind);

/// What a slot's refusal advises, which is more exact than `otherwise` can be; that, if none does.
[[nodiscard]] Advice advice_for(const MasterRefusal& refusal, Advice otherwise);

/// The kind with its detail, as with_detail() has it.
[[nodiscard]] std::string with_detail(const MasterRefusal& refusal);

} // namespace sealmount
