// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/enroll/enroll_master.hpp"

#include "base/format.hpp"
#include "core/ecryptfs/encrypted_key.hpp"
#include "core/master/recovery_key.hpp"
#include "core/master/seal_slot.hpp"
#include "sys/crypto/crypto.hpp"

#include <algorithm>

namespace sealmount {

namespace {

void add_recovery_key(EnrolledMaster& master, const EnrollRequest& request) {
    if (request.recovery_key != nullptr) {
        const unsigned id = master.file.next_id();
        master.file.recovery = {
            make_recovery_slot(request.volume.master, id, master.key, *request.recovery_key, "enrollment")};
        master.recovery_slot = id;
    }
}

/// Unseals what was sealed, and compares.
void prove_sealed(const EnrollContext& context, Tpm& tpm, const std::string& name,
                  const EnrolledMaster& master) {
    const auto unsealed = unseal_master(tpm, context.request_for(master.file), context.machine.backoff);
    if (!unsealed) {
        throw_master_refusal(name, unsealed.error());
    }
    if (!unsealed->key.equals(master.key.bytes())) {
        throw Error{Reason::bad_data,
                    "the TPM released a master key other than the one that was sealed: nothing was written"};
    }
}

EnrolledMaster make_master(const EnrollContext& context, Tpm& tpm, const EnrollRequest& request) {
    EnrolledMaster master{.file = {}, .key = random_secret(master_key_size), .is_new = true};
    const Paths& paths = context.store.paths();
    const bool is_systemds = context.kernel_uses_this_tpm || !paths.is_running_system();
    master.srk = trusted_srk(tpm, {.pins = srk_pins(context.store),
                                   .accepts_new_tpm = context.accepts_new_tpm,
                                   .systemd = is_systemds ? &paths : nullptr});
    master.file.srk_name = master.srk->name;
    master.new_srk = master.srk->is_new;
    for (const BoundPolicy& bound : context.bind(tpm, request.policy)) {
        master.file.slots.push_back(seal_slot(tpm, master.file.srk_name, master.key, context.pin,
                                              {.id = master.file.next_id(),
                                               .policy = bound.policy,
                                               .sealed = {},
                                               .created = now_rfc3339(),
                                               .note = "enrollment",
                                               .events = bound.events}));
    }
    add_recovery_key(master, request);
    prove_sealed(context, tpm, request.volume.master, master);
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
        formatted("the master key \"{}\" cannot be unsealed: {}", name, describe(refusal.kind));
    for (const SlotRefusal& slot : refusal.slots) {
        for (const Problem& line : lines_about(slot)) {
            message += formatted("; {}", line.message);
        }
    }
    if (!refusal.detail.empty()) {
        message += formatted(" ({})", refusal.detail);
    }
    throw Error{Reason::refused, message, advice_for(refusal, {.kind = AdviceKind::choose_master})};
}

void EnrolledMaster::note_written() {
    on_disk = write_master_file(file);
    is_new = false;
    new_srk = false;
    srk.reset();
    recovery_slot.reset();
}

EnrolledMaster obtain_master(const EnrollContext& context, Tpm& tpm, const Manifest& manifest,
                             const EnrollRequest& request) {
    const std::string& name = request.volume.master;
    std::string on_disk = context.store.master_text(name);
    const auto make = [&] {
        EnrolledMaster made = make_master(context, tpm, request);
        made.on_disk = std::move(on_disk);
        return made;
    };
    if (!context.store.has_master(name)) {
        return make();
    }
    EnrolledMaster master{.file = context.store.master(name), .key = {}};
    const bool orphaned =
        std::ranges::none_of(manifest.volumes, [&](const Volume& volume) { return volume.master == name; });
    if (orphaned && std::ranges::none_of(master.file.slots, [&](const Slot& slot) {
            return same_shape(slot.policy, without_values(request.policy));
        })) {
        return make();
    }
    // Unsealed from what is on the disk: this proves it as well.
    auto key = unseal_master(tpm, context.request_for(master.file), context.machine.backoff);
    if (!key && orphaned && is_final(key.error().kind)) {
        return make();
    }
    if (!key) {
        throw_master_refusal(name, key.error());
    }
    master.key = std::move(key->key);
    master.on_disk = std::move(on_disk);
    if (orphaned) {
        add_recovery_key(master, request);
    }
    return master;
}

} // namespace sealmount
