// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/slots/slots.hpp"

#include "base/error.hpp"
#include "base/format.hpp"

#include <algorithm>

namespace sealmount {

namespace {

[[noreturn]] void refuse_to_open(const Store& store, const std::string& name, const MasterRefusal& refusal) {
    std::string message =
        formatted("the TPM does not release the master key \"{}\": {}", name, with_detail(refusal));
    for (const SlotRefusal& slot : refusal.slots) {
        for (const Problem& line : lines_about(slot)) {
            message += formatted("\n  {}", line.message);
        }
    }
    const AdviceKind usual =
        refusal.kind == RefusalKind::pin_needed ? AdviceKind::give_pin : AdviceKind::reseal_with_recovery;
    Advice advice = advice_about_srk(refusal.kind).value_or(Advice{.kind = usual, .subject = name});
    if (refusal.kind == RefusalKind::store_changed) {
        advice = {.kind = AdviceKind::restore_store, .subject = store.paths().configuration().string()};
    }
    throw Error{Reason::refused, message + "\nNothing was changed", advice_for(refusal, std::move(advice))};
}

/// A slot that gives another master key is none.
bool has_slot_that_opens(const SlotContext& context, const OpenMaster& master, const MasterFile& file,
                         const SecretBytes* pin) {
    UnsealRequest request = context.request_for(file, pin);
    request.problem = [&](const SecretBytes* const key) {
        return key->equals(master.key.bytes())
                   ? std::nullopt
                   : std::optional{Refusal{.kind = RefusalKind::store_changed, .detail = {}}};
    };
    return !file.slots.empty() && unseal_master(*master.tpm, request, context.machine.backoff).has_value();
}

/// Is this slot of no use in the present state, nor in a stated one?
bool is_spent(const SlotContext& context, Tpm& tpm, const Slot& slot, const PruneRequest& request) {
    const Policy& policy = slot.policy;
    if (policy.last_boot && tpm.clock().reset_count > *policy.last_boot) {
        return true;
    }
    return !policy.pcrs.empty() &&
           std::ranges::none_of(
               context.bound(tpm, without_values(policy)),
               [&](const BoundPolicy& present) { return present.policy.pcrs == policy.pcrs; }) &&
           std::ranges::none_of(request.future,
                                [&](const auto& state) { return literals_match(policy, state); });
}

/// Throws unless the TPM's slots of these numbers are there.
void check_slots_exist(const std::string& name, const MasterFile& file, const std::vector<unsigned>& slots) {
    for (const unsigned id : slots) {
        if (file.find_recovery(id) != nullptr) {
            throw Error{Reason::refused,
                        formatted("slot {} of the master key \"{}\" is its recovery key", id, name),
                        {.kind = AdviceKind::replace_recovery_key, .subject = name}};
        }
        if (file.find(id) == nullptr) {
            throw Error{Reason::no_input,
                        formatted("the master key \"{}\" has no slot {}", name, id),
                        {.kind = AdviceKind::list_slots, .subject = name}};
        }
    }
}

/// Drops the slots for which `goes` says so. Their numbers.
template<typename Goes>
std::vector<unsigned> erase_slots(MasterFile& file, const Goes& goes) {
    std::vector<unsigned> removed;
    std::erase_if(file.slots, [&](const Slot& slot) {
        const bool is_removed = goes(slot);
        if (is_removed) {
            removed.push_back(slot.id);
        }
        return is_removed;
    });
    return removed;
}

/// Does a slot of the file open now, with the PIN of a person where only that helps?
bool opens_now(const SlotContext& context, const OpenMaster& master, const MasterFile& file) {
    if (has_slot_that_opens(context, master, file, master.pin_or_null())) {
        return true;
    }
    if (master.pin || std::ranges::none_of(file.slots, [](const Slot& slot) { return slot.policy.pin; })) {
        return false;
    }
    const auto pin = context.ask_pin();
    return pin && has_slot_that_opens(context, master, file, &*pin);
}

} // namespace

OpenMaster open_master(const SlotContext& context, const std::string& name) {
    OpenMaster master{.name = name, .file = context.store.master(name)};
    master.tpm = open_managed_tpm(context.machine.tpm, context.machine.backoff);
    UnsealRequest request = context.request_for(master.file);
    request.problem = check_of_store(context.store, name, master.file);
    auto key = unseal_master(*master.tpm, request, context.machine.backoff);
    if (!key && key.error().kind == RefusalKind::pin_needed) {
        master.pin = context.ask_pin();
        request.pin = master.pin_or_null();
        key = unseal_master(*master.tpm, request, context.machine.backoff);
    }
    if (!key) {
        refuse_to_open(context.store, name, key.error());
    }
    if (key->is_srk_evicted) {
        restore_srk(*master.tpm);
    }
    master.slot = key->slot;
    master.key = std::move(key->key);
    bring_up_to_date(context, master);
    return master;
}

void ask_for_pin(const SlotContext& context, OpenMaster& master, const std::vector<Policy>& kinds) {
    if (master.pin || std::ranges::none_of(kinds, &Policy::pin)) {
        return;
    }
    auto pin = context.ask_pin();
    MasterFile with_pin = master.file;
    std::erase_if(with_pin.slots, [](const Slot& slot) { return !slot.policy.pin; });
    if (pin && !with_pin.slots.empty()) {
        const auto key =
            unseal_master(*master.tpm, context.request_for(with_pin, &*pin), context.machine.backoff);
        if (!key && key.error().kind == RefusalKind::pin_wrong) {
            refuse_to_open(context.store, master.name, key.error());
        }
    }
    master.pin = std::move(pin);
}

void bring_up_to_date(const SlotContext& context, OpenMaster& master) {
    const SlotProver prover{.tpm = *master.tpm,
                            .files = context.store.policy_files(),
                            .backoff = context.machine.backoff,
                            .pin = master.pin_or_null(),
                            .is_attended = context.is_attended};
    master.file = brought_up_to_date(context.store, prover, master.name, std::move(master.file), master.key);
    master.whole = master.file;
}

SystemState state_for(const SlotContext& context, Tpm& tpm, const std::vector<Policy>& policies) {
    PolicyNeeds needs;
    for (const Policy& policy : policies) {
        add_needs(policy, context.store.policy_files(), needs);
    }
    needs.clock = true;
    return read_state(tpm, needs);
}

Resealed reseal(const SlotContext& context, OpenMaster& master, const ResealRequest& request) {
    const Policy& policy = request.bound.policy;
    const SecretBytes* const pin = request.new_pin != nullptr ? request.new_pin : master.pin_or_null();
    const UnsealRequest opening = context.request_for(master.file, pin);
    const auto prove = [&](const Slot& slot) {
        return prove_slot(*master.tpm, opening, slot, master.key, context.machine.backoff);
    };
    MasterFile file = master.file;
    const auto same = std::ranges::find_if(file.slots, [&](const Slot& slot) {
        return slot.policy == policy && !slot.is_unproven && is_sealed_to_its_policy(slot);
    });
    if (same != file.slots.end() && !policy.pin) {
        return {.slot = same->id, .is_new = false, .proof = prove(*same)};
    }
    // Higher than those of slots, too, that another TPM made, though they are gone from the file here.
    const unsigned number = std::max(file.next_id(), context.store.master(master.name).next_id());
    const Slot slot = seal_slot(*master.tpm, file.srk_name, master.key, pin,
                                {.id = number,
                                 .policy = policy,
                                 .sealed = {},
                                 .created = now_rfc3339(),
                                 .note = request.note,
                                 .events = request.bound.events});
    const SlotProof proof = prove(slot);
    file.slots.push_back(slot);
    write_proved(context.store, master.name, file, master.key);
    master.file = std::move(file);
    return {.slot = slot.id, .is_new = true, .proof = proof};
}

std::vector<unsigned> keep_only(const SlotContext& context, OpenMaster& master,
                                const std::vector<unsigned>& slots) {
    MasterFile file = master.file;
    std::vector<unsigned> removed =
        erase_slots(file, [&](const Slot& slot) { return std::ranges::count(slots, slot.id) == 0; });
    if (!removed.empty()) {
        write_proved(context.store, master.name, file, master.key);
        master.file = std::move(file);
    }
    return removed;
}

std::vector<unsigned> prune(const SlotContext& context, const std::string& name,
                            const PruneRequest& request) {
    check_slots_exist(name, context.store.master(name), request.slots);
    const OpenMaster master = open_master(context, name); // what is left has to be proved
    MasterFile file = master.file;
    std::vector<unsigned> removed = erase_slots(file, [&](const Slot& slot) {
        return request.slots.empty() ? is_spent(context, *master.tpm, slot, request)
                                     : std::ranges::count(request.slots, slot.id) > 0;
    });
    if (removed.empty()) {
        return removed;
    }
    if (!request.keep_none_open && !opens_now(context, master, file)) {
        throw Error{Reason::refused,
                    formatted("without slot {} the TPM would not release the master key \"{}\" now: nothing "
                              "was removed",
                              to_string(removed), name),
                    {.kind = AdviceKind::reseal_present_state, .subject = name}};
    }
    write_proved(context.store, name, file, master.key);
    return removed;
}

bool literals_match(const Policy& policy, const std::map<PcrBank, PcrValues>& values) {
    return std::ranges::all_of(policy.pcrs, [&](const PcrPolicy& literal) {
        const auto bank = values.find(literal.bank);
        return std::ranges::all_of(literal.values, [&](const auto& pcr_and_value) {
            const auto& [pcr, value] = pcr_and_value;
            return bank != values.end() && bank->second.contains(pcr) && bank->second.at(pcr) == value;
        });
    });
}

std::string to_string(const std::vector<unsigned>& slots) {
    std::string text;
    for (const unsigned slot : slots) {
        text += formatted("{}{}", text.empty() ? "" : ", ", slot);
    }
    return text;
}

} // namespace sealmount
