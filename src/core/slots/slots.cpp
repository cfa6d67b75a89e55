// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/slots/slots.hpp"

#include "base/error.hpp"

#include <algorithm>

namespace sealmount {

namespace {

[[noreturn]] void refuse_to_open(const std::string& name, const MasterRefusal& refusal) {
    std::string message =
        "the TPM does not release the master key \"" + name + "\": " + describe(refusal.kind);
    if (!refusal.detail.empty()) {
        message += " (" + refusal.detail + ")";
    }
    for (const SlotRefusal& slot : refusal.slots) {
        for (const std::string& line : lines_about(slot)) {
            message += "\n  " + line;
        }
    }
    throw Error{Reason::refused, message +
                                     "\nNothing was changed. With its recovery key or the passphrases of "
                                     "its volumes, 'sealmount reseal " +
                                     name + " --recover' binds it to the present state"};
}

bool has_slot_that_opens(const SlotContext& context, Tpm& tpm, const MasterFile& file,
                         const SecretBytes* pin) {
    return !file.slots.empty() &&
           unseal_master(tpm, {file, context.store.policy_files(), pin}, context.machine.backoff).has_value();
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

} // namespace

OpenMaster open_master(const SlotContext& context, const std::string& name) {
    OpenMaster master{
        .name = name, .file = context.store.master(name), .key = {}, .slot = 0, .pin = {}, .tpm = {}};
    master.tpm = open_managed_tpm(context.machine.tpm, context.machine.backoff);
    auto key = unseal_master(*master.tpm, {master.file, context.store.policy_files(), nullptr},
                             context.machine.backoff);
    if (!key && key.error().kind == RefusalKind::pin_needed) {
        master.pin = context.ask_pin();
        key = unseal_master(*master.tpm, {master.file, context.store.policy_files(), master.pin_or_null()},
                            context.machine.backoff);
    }
    if (!key) {
        refuse_to_open(name, key.error());
    }
    master.slot = key->slot;
    master.key = std::move(key->key);
    return master;
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
    const UnsealRequest opening{master.file, context.store.policy_files(), pin};
    const auto prove = [&](const Slot& slot) {
        return prove_slot(*master.tpm, opening, slot, master.key, context.machine.backoff);
    };
    MasterFile file = master.file;
    const auto same =
        std::ranges::find_if(file.slots, [&](const Slot& slot) { return slot.policy == policy; });
    if (same != file.slots.end() && !policy.pin) {
        return {.slot = same->id, .is_new = false, .proof = prove(*same)};
    }
    // Of slots that another TPM made, too, though they are gone from the file here.
    const unsigned number = std::max(file.next_id(), context.store.master(master.name).next_id());
    const Slot slot = seal_slot(*master.tpm, master.key, pin,
                                {.id = number,
                                 .policy = policy,
                                 .sealed = {},
                                 .created = now_rfc3339(),
                                 .note = request.note,
                                 .events = request.bound.events});
    const SlotProof proof = prove(slot);
    file.slots.push_back(slot);
    context.store.write_master(master.name, file);
    master.file = std::move(file);
    return {.slot = slot.id, .is_new = true, .proof = proof};
}

std::vector<unsigned> keep_only(const SlotContext& context, OpenMaster& master,
                                const std::vector<unsigned>& slots) {
    std::vector<unsigned> removed;
    MasterFile file = master.file;
    std::erase_if(file.slots, [&](const Slot& slot) {
        const bool goes = std::ranges::count(slots, slot.id) == 0;
        if (goes) {
            removed.push_back(slot.id);
        }
        return goes;
    });
    if (!removed.empty()) {
        context.store.write_master(master.name, file);
        master.file = std::move(file);
    }
    return removed;
}

std::vector<unsigned> prune(const SlotContext& context, const std::string& name,
                            const PruneRequest& request) {
    MasterFile file = context.store.master(name);
    for (const unsigned id : request.slots) {
        if (file.find_recovery(id) != nullptr) {
            throw Error{Reason::refused, "slot " + std::to_string(id) + " of the master key \"" + name +
                                             "\" is its recovery key: 'sealmount recovery-key " + name +
                                             "' makes a new one in its place, with --revoke none"};
        }
        if (file.find(id) == nullptr) {
            throw Error{Reason::no_input, "the master key \"" + name + "\" has no slot " +
                                              std::to_string(id) + ": 'sealmount slots " + name +
                                              "' lists them"};
        }
    }
    const auto tpm = open_managed_tpm(context.machine.tpm, context.machine.backoff);
    std::vector<unsigned> removed;
    std::erase_if(file.slots, [&](const Slot& slot) {
        const bool goes = request.slots.empty() ? is_spent(context, *tpm, slot, request)
                                                : std::ranges::count(request.slots, slot.id) > 0;
        if (goes) {
            removed.push_back(slot.id);
        }
        return goes;
    });
    if (removed.empty()) {
        return removed;
    }
    std::optional<SecretBytes> pin;
    if (!has_slot_that_opens(context, *tpm, file, nullptr)) {
        const bool may_need_pin =
            std::ranges::any_of(file.slots, [](const Slot& slot) { return slot.policy.pin; });
        pin = may_need_pin ? context.ask_pin() : std::nullopt;
        if (!request.keep_none_open && (!pin || !has_slot_that_opens(context, *tpm, file, &*pin))) {
            throw Error{Reason::refused, "without slot " + to_string(removed) +
                                             " the TPM would not release the "
                                             "master key \"" +
                                             name + "\" now: nothing was removed; 'sealmount reseal " + name +
                                             "' first makes a slot for the present state"};
        }
    }
    context.store.write_master(name, file);
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
        text += (text.empty() ? "" : ", ") + std::to_string(slot);
    }
    return text;
}

} // namespace sealmount
