// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/slots/suspend.hpp"

#include "base/error.hpp"
#include "base/format.hpp"

#include <algorithm>
#include <limits>

namespace sealmount {

namespace {

/// What the file says of it is believed only if its object says the same: new slots are made like it.
bool is_lasting(const Slot& slot) {
    return !is_suspension(slot) && !slot.is_unproven && is_sealed_to_its_policy(slot);
}

std::vector<unsigned> suspensions_of(const MasterFile& file) {
    std::vector<unsigned> ids;
    for (const Slot& slot : file.slots) {
        if (is_suspension(slot)) {
            ids.push_back(slot.id);
        }
    }
    return ids;
}

void remove_slots(MasterFile& file, const std::vector<unsigned>& ids) {
    std::erase_if(file.slots, [&](const Slot& slot) { return std::ranges::count(ids, slot.id) > 0; });
}

/// One policy of each kind that the lasting slots have and that none of them satisfies now.
std::vector<Policy> kinds_to_bind(const MasterFile& file, const SystemState& now) {
    std::vector<Policy> kinds;
    for (const Slot& slot : file.slots) {
        const bool fits = std::ranges::any_of(file.slots, [&](const Slot& other) {
            return is_lasting(other) && same_shape(other.policy, slot.policy) &&
                   literals_match(other.policy, now.pcrs);
        });
        const Policy kind = without_values(slot.policy);
        if (is_lasting(slot) && !fits && std::ranges::count(kinds, kind) == 0) {
            kinds.push_back(kind);
        }
    }
    return kinds;
}

/// Suspensions whose boots are over, when the lasting slots do without them.
bool are_over(const MasterFile& file, const SystemState& now) {
    return std::ranges::all_of(file.slots, [&](const Slot& slot) {
        return !slot.policy.last_boot || *slot.policy.last_boot <= now.clock.value().reset_count;
    });
}

/// The numbers of the lasting slots of this kind.
void add_lasting_slots(const MasterFile& file, const Policy& kind, std::vector<unsigned>& ids) {
    for (const Slot& slot : file.slots) {
        if (is_lasting(slot) && same_shape(slot.policy, kind)) {
            ids.push_back(slot.id);
        }
    }
}

/// Adds a slot of this kind for the present state, or two where the boot is in another one.
void bind_kind(const SlotContext& context, OpenMaster& master, const Policy& kind,
               std::vector<unsigned>& added) {
    for (const BoundPolicy& bound : context.bound(*master.tpm, kind)) {
        added.push_back(reseal(context, master, {.bound = bound, .note = "after a suspension"}).slot);
    }
}

/// Does a slot of the file open in the present state? Not found out by trying: of a slot with a boot window,
/// which is over by now, all the rest must hold; its PIN is its owner's to give.
bool stays_open(const SlotContext& context, const MasterFile& file, const SystemState& now) {
    return std::ranges::any_of(file.slots, [&](const Slot& slot) {
        Policy policy = slot.policy;
        policy.boot_window.reset();
        return !slot.is_unproven && is_sealed_to_its_policy(slot) &&
               plan(policy, now, context.store.policy_files());
    });
}

} // namespace

std::vector<Policy> lasting_kinds(const MasterFile& file) {
    std::vector<Policy> kinds;
    for (const Slot& slot : file.slots) {
        const Policy kind = without_values(slot.policy);
        if (is_lasting(slot) && std::ranges::count(kinds, kind) == 0) {
            kinds.push_back(kind);
        }
    }
    const bool has_unproven = std::ranges::any_of(
        file.slots, [](const Slot& slot) { return slot.is_unproven && !is_suspension(slot); });
    if (kinds.empty() && has_unproven) {
        throw Error{Reason::refused,
                    "nothing proves what its slots are sealed to: sealmount 0.1 wrote them, and none of them "
                    "opens now",
                    {.kind = AdviceKind::name_policy}};
    }
    if (kinds.empty()) {
        Policy usual;
        usual.pcrs = {{.bank = PcrBank::sha256, .values = {{7, {}}}}};
        kinds.push_back(std::move(usual));
    }
    return kinds;
}

Suspended suspend(const SlotContext& context, OpenMaster& master, const unsigned boots, const Policy& kept) {
    const std::uint32_t now = master.tpm->clock().reset_count;
    if (boots == 0 || boots > std::numeric_limits<std::uint32_t>::max() - now) {
        throw Error{Reason::usage, formatted("the number of boots must be from 1 to {}",
                                             std::numeric_limits<std::uint32_t>::max() - now)};
    }
    Policy policy = filled_in(kept, state_for(context, *master.tpm, {kept}));
    policy.last_boot = now + boots;
    policy.not_after_sleep = true;
    Suspended result{.last_boot = *policy.last_boot, .removed = suspensions_of(master.file)};
    const std::string note = formatted("suspended for {} {}", boots, boots == 1 ? "boot" : "boots");
    result.slot = reseal(context, master, {.bound = {.policy = policy, .events = {}}, .note = note}).slot;
    std::erase(result.removed, result.slot);
    if (!result.removed.empty()) {
        MasterFile file = master.file;
        remove_slots(file, result.removed);
        write_proved(context.store, master.name, file, master.key);
        master.file = std::move(file);
    }
    return result;
}

Resumed resume(const SlotContext& context, const std::string& name, const bool after_boot) {
    Resumed result;
    if (suspensions_of(context.store.master(name)).empty()) {
        return result;
    }
    OpenMaster master = open_master(context, name); // which proves the file
    const std::vector<unsigned> suspensions = suspensions_of(master.file);
    std::vector<Policy> policies;
    std::ranges::for_each(master.file.slots, [&](const Slot& slot) { policies.push_back(slot.policy); });
    const SystemState now = state_for(context, *master.tpm, policies);
    const std::vector<Policy> kinds = kinds_to_bind(master.file, now);
    if (after_boot && kinds.empty() && !are_over(master.file, now)) {
        result.kept = suspensions;
        return result;
    }
    if (!after_boot) {
        ask_for_pin(context, master, kinds);
    }
    for (const Policy& kind : kinds) {
        if (kind.pin && !master.pin) {
            add_lasting_slots(master.file, kind, result.unbound);
        } else {
            bind_kind(context, master, kind, result.added);
        }
    }
    MasterFile file = master.file;
    remove_slots(file, suspensions);
    if (!stays_open(context, file, now)) {
        throw Error{
            Reason::refused,
            formatted("no lasting slot of the master key \"{}\" fits the present state: the suspension "
                      "stays",
                      name),
            {.kind = AdviceKind::reseal_present_state, .subject = name}};
    }
    write_proved(context.store, name, file, master.key);
    result.removed = suspensions;
    return result;
}

} // namespace sealmount
