// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/enroll_master.hpp"

#include "core/encrypted_key.hpp"
#include "core/recovery_key.hpp"
#include "core/seal_slot.hpp"
#include "sys/crypto.hpp"

#include <algorithm>

namespace sealmount {

namespace {

void add_recovery_key(MasterInHand& master, const EnrollRequest& request) {
    if (request.recovery_key != nullptr) {
        const unsigned id = master.file.next_id();
        master.file.recovery = {
            make_recovery_slot(request.volume.master, id, master.key, *request.recovery_key, "enrolment")};
        master.recovery_slot = id;
    }
}

MasterInHand make_master(const EnrollWorld& world, Tpm& tpm, const EnrollRequest& request) {
    MasterInHand master{.file = {}, .key = random_secret(master_key_size), .is_new = true};
    const SealingParent srk = srk_to_seal_under(tpm);
    master.file.srk_name = srk.name;
    master.new_srk = srk.is_new;
    for (const BoundPolicy& bound : world.bind(tpm, request.policy)) {
        master.file.slots.push_back(seal_slot(tpm, master.key, world.pin,
                                              {.id = master.file.next_id(),
                                               .policy = bound.policy,
                                               .sealed = {},
                                               .created = now_rfc3339(),
                                               .note = "enrolment",
                                               .events = bound.events}));
    }
    add_recovery_key(master, request);
    return master;
}

/// Will it stay closed, however often it is tried?
bool is_final(const RefusalKind kind) {
    return kind == RefusalKind::policy_mismatch || kind == RefusalKind::srk_missing ||
           kind == RefusalKind::srk_changed || kind == RefusalKind::object_rejected;
}

} // namespace

void throw_master_refusal(const std::string_view name, const MasterRefusal& refusal) {
    std::string message =
        "the master key \"" + std::string{name} + "\" cannot be unsealed: " + describe(refusal.kind);
    for (const SlotRefusal& slot : refusal.slots) {
        for (const std::string& line : lines_about(slot)) {
            message += "; " + line;
        }
    }
    if (!refusal.detail.empty()) {
        message += " (" + refusal.detail + ")";
    }
    throw Error{Reason::refused, message + "; choose a new master key with --master"};
}

MasterInHand obtain_master(const EnrollWorld& world, Tpm& tpm, const EnrollRequest& request) {
    const std::string& name = request.volume.master;
    if (!world.store.has_master(name)) {
        return make_master(world, tpm, request);
    }
    MasterInHand master{.file = world.store.master(name), .key = {}};
    const std::vector<Volume> volumes = world.store.manifest().volumes;
    const bool orphaned =
        std::ranges::none_of(volumes, [&](const Volume& volume) { return volume.master == name; });
    if (orphaned && std::ranges::none_of(master.file.slots, [&](const Slot& slot) {
            return same_shape(slot.policy, without_values(request.policy));
        })) {
        return make_master(world, tpm, request);
    }
    auto key = unseal_master(tpm, world.request_for(master.file), world.pause);
    if (!key && orphaned && is_final(key.error().kind)) {
        return make_master(world, tpm, request);
    }
    if (!key) {
        throw_master_refusal(name, key.error());
    }
    master.key = std::move(key->key);
    if (orphaned) {
        add_recovery_key(master, request);
    }
    return master;
}

} // namespace sealmount
