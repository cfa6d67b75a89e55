// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/slots/rotate.hpp"

#include "core/slots/suspend.hpp"

namespace sealmount {

Renewed rotate(const SlotContext& context, OpenMaster master, const SecretBytes* const recovery_key) {
    ask_for_pin(context, master, lasting_kinds(master.file));
    Renewed renewed;
    Renewal renewal;
    renewal.file.srk_name = master.file.srk_name;
    renewal.file.may_rebind = master.file.may_rebind;
    for (const Slot& slot : master.file.slots) {
        if (is_suspension(slot) || slot.is_unproven || !is_sealed_to_its_policy(slot) ||
            (slot.policy.pin && !master.pin)) {
            renewed.left_out.push_back(slot.id);
            continue;
        }
        renewal.file.slots.push_back(seal_slot(*master.tpm, renewal.file.srk_name, renewal.key,
                                               master.pin_or_null(),
                                               {.id = slot.id,
                                                .policy = slot.policy,
                                                .sealed = {},
                                                .created = now_rfc3339(),
                                                .note = slot.note,
                                                .events = slot.events}));
    }
    for (const std::string& signature : signatures_under(context.store, master.name)) {
        renewal.add_key(master.name, signature, volume_key_in(context.store, signature, master.key));
    }
    renewal.add_recovery_key(master.name, recovery_key);
    commit(context, *master.tpm, master.name, renewal, master.pin_or_null(), renewed);
    return renewed;
}

} // namespace sealmount
