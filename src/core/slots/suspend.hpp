// Suspending the policy of a master key over changes that nobody can predict, such as a firmware update: a
// slot with a weaker policy for the next boots only. The TPM enforces that: it counts its resets, and refuses
// the slot, in every copy, once they are over.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/slots/slots.hpp"

#include <cstdint>

namespace sealmount {

[[nodiscard]] inline bool is_suspension(const Slot& slot) {
    return slot.policy.last_boot.has_value();
}

/// The kinds of slots that a master key has permanently, without values; PCR 7 when there is none. A slot
/// whose object is sealed to something else than the file says does not count, nor does one that is not
/// proved: throws Error{refused} where there are only such.
[[nodiscard]] std::vector<Policy> lasting_kinds(const MasterFile& file);

struct Suspended {
    unsigned slot = 0;
    std::uint32_t last_boot = 0;
    std::vector<unsigned> removed{}; ///< earlier suspensions, which this one replaces
};

/// Adds a slot that opens in this boot and the next `boots` (at least one), in each until the machine sleeps,
/// under the conditions of `kept` only. Throws Error{unavailable} when the TPM has counted its resets to the
/// end.
Suspended suspend(const SlotContext& context, OpenMaster& master, unsigned boots, const Policy& kept);

struct Resumed {
    std::vector<unsigned> added;   ///< the present state, sealed in the way of the lasting slots
    std::vector<unsigned> removed; ///< suspensions
    std::vector<unsigned> kept;    ///< suspensions that a coming boot may still need
    std::vector<unsigned> unbound; ///< lasting slots that do not fit and require a PIN to be made again
};

/// Ends a suspension: where no lasting slot of a kind fits the present state, one is made and proved, then
/// the suspensions go. `after_boot`: a suspension that this boot did not need, and that has boots left, is
/// not touched, and nobody is asked for a PIN. Nothing to do without suspensions. Throws Error; nothing was
/// lost then.
Resumed resume(const SlotContext& context, const std::string& master, bool after_boot);

} // namespace sealmount
