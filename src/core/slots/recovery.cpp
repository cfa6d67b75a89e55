// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/slots/recovery.hpp"

#include "base/error.hpp"
#include "base/format.hpp"
#include "core/slots/srk_trust.hpp"
#include "core/slots/suspend.hpp"

#include <algorithm>

namespace sealmount {

namespace {

/// An attempt without the steps of its policy: the TPM has to load the object before it can report that they
/// are missing.
bool is_loadable(Tpm& tpm, const TpmName& srk, const Slot& slot) {
    const auto loaded = tpm.unseal(srk, slot.sealed, {});
    return loaded || loaded.error().kind != RefusalKind::object_rejected;
}

} // namespace

RecoveredMaster open_by_recovery_key(const Store& store, const std::string& name,
                                     const SecretBytes& recovery_key) {
    const MasterFile file = store.master(name);
    if (file.recovery.empty()) {
        throw Error{
            Reason::refused,
            formatted("the master key \"{}\" has no recovery key: the passphrases of its volumes open them",
                      name)};
    }
    auto master = open_with_recovery_key(name, file, recovery_key);
    if (!master) {
        throw Error{
            Reason::refused,
            formatted("that is not the recovery key of the master key \"{}\": nothing was changed", name)};
    }
    return std::move(*master);
}

OpenMaster ready_to_reseal(const SlotContext& context, const std::string& name, SecretBytes key) {
    OpenMaster master{.name = name, .file = context.store.master(name), .key = std::move(key)};
    require_proved(context.store, name, master.file, master.key);
    master.tpm = open_managed_tpm(context.machine.tpm, context.machine.backoff);
    bring_up_to_date(context, master);
    TrustedSrk srk = trusted_srk(*master.tpm, {.pins = {{.master = name, .name = master.file.srk_name}},
                                               .accepts_new_tpm = context.accepts_new_tpm});
    if (srk.trust != SrkTrust::pinned) {
        master.file.srk_name = std::move(srk.name);
        master.file.slots.clear();
    }
    std::erase_if(master.file.slots, [&](const Slot& slot) {
        return !is_sealed_to_its_policy(slot) || !is_loadable(*master.tpm, master.file.srk_name, slot);
    });
    return master;
}

Renewed reseal_recovered(const SlotContext& context, const std::string& name, SecretBytes key) {
    OpenMaster master = ready_to_reseal(context, name, std::move(key));
    if (!context.is_attended && !master.whole.may_rebind) {
        throw Error{Reason::refused,
                    formatted("{}: nobody who has the master key has agreed to \"rebind_after_recovery\" yet",
                              context.store.paths().master(name).string()),
                    {.kind = AdviceKind::prove_store, .subject = name}};
    }
    const std::vector<Policy> kinds = lasting_kinds(master.whole);
    ask_for_pin(context, master, kinds);
    Renewed renewed;
    for (const Policy& kind : kinds) {
        if (kind.pin && !master.pin) {
            renewed.notes.push_back(
                formatted("no PIN was given for the master key \"{}\": no slot was made with {}", name,
                          describe(kind)));
            continue;
        }
        for (const BoundPolicy& bound : context.bound(*master.tpm, kind)) {
            renewed.slots.push_back(
                reseal(context, master, {.bound = bound, .note = "after a recovery"}).slot);
        }
    }
    if (renewed.slots.empty()) {
        throw Error{Reason::refused,
                    formatted("the master key \"{}\" has only slots with a PIN, and nobody gave one", name),
                    {.kind = AdviceKind::reseal_with_pin, .subject = name}};
    }
    context.store.drop_waiting_renewal(name);
    return renewed;
}

unsigned add_recovery_key(const Store& store, const std::string& name, const SecretBytes& master,
                          const SecretBytes& recovery_key) {
    MasterFile file = store.master(name);
    const unsigned id = file.next_id();
    file.recovery.push_back(make_recovery_slot(name, id, master, recovery_key, "recovery key"));
    store.write_master(name, file);
    const auto again = open_with_recovery_key(name, store.master(name), recovery_key);
    if (!again || again->slot != id || !again->key.equals(master.bytes())) {
        throw Error{
            Reason::bad_data,
            formatted("{}: does not hold the new recovery key as it was written; those before it still "
                      "open",
                      store.paths().master(name).string())};
    }
    return id;
}

std::vector<unsigned> revoke_recovery_keys(const Store& store, const std::string& name,
                                           const std::optional<unsigned> but) {
    MasterFile file = store.master(name);
    std::vector<unsigned> removed;
    std::erase_if(file.recovery, [&](const RecoverySlot& slot) {
        const bool goes = slot.id != but;
        if (goes) {
            removed.push_back(slot.id);
        }
        return goes;
    });
    if (!removed.empty()) {
        store.write_master(name, file);
    }
    return removed;
}

} // namespace sealmount
