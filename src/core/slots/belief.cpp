// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/slots/belief.hpp"

#include "base/format.hpp"

#include <algorithm>

namespace sealmount {

namespace {

/// Does the TPM release the master key from this slot, and from no other object?
bool is_proved_by_tpm(const SlotProver& prover, const MasterFile& file, const Slot& slot,
                      const SecretBytes& master) {
    if (!is_sealed_to_its_policy(slot) || (slot.policy.pin && prover.pin == nullptr)) {
        return false;
    }
    const MasterFile alone{.srk_name = file.srk_name, .slots = {slot}};
    const auto key =
        unseal_master(prover.tpm, {.file = alone, .files = prover.files, .pin = prover.pin}, prover.backoff);
    return key && key->key.equals(master.bytes());
}

/// Tries the slots that are not proved.
void prove_slots(const SlotProver& prover, MasterFile& file, const SecretBytes& master) {
    for (Slot& slot : file.slots) {
        slot.is_unproven = slot.is_unproven && !is_proved_by_tpm(prover, file, slot, master);
    }
}

/// The texts that open to the keys of their names, with bound vectors.
KeyTexts bound_texts(const std::string& name, const KeyTexts& texts, const SecretBytes& master) {
    KeyTexts bound;
    for (const auto& [signature, text] : texts) {
        try {
            bound[signature] =
                compose_encrypted_key(formatted("trusted:{}", name), master,
                                      open_volume_key(text, master, signature), bound_vector(signature));
        } catch (const Error& error) {
            if (error.reason() != Reason::bad_data) {
                throw; // a damaged one stays as it is
            }
        }
    }
    return bound;
}

/// The first version's slots are all to be proved.
MasterFile upgraded(const Store& store, const SlotProver& prover, const std::string& name, MasterFile file,
                    const SecretBytes& master) {
    for (Slot& slot : file.slots) {
        slot.is_unproven = true;
    }
    prove_slots(prover, file, master);
    for (RecoverySlot& slot : file.recovery) {
        slot.proof = recovery_proof(name, slot, master);
    }
    const KeyTexts texts = bound_texts(name, texts_under(store, name), master);
    file.may_rebind = prover.is_attended && manifest_lets_rebind(store, name);
    file = proved(name, std::move(file), master, texts);
    store.replace(name, file, texts);
    return file;
}

} // namespace

bool manifest_lets_rebind(const Store& store, const std::string_view master) {
    const std::vector<Volume> volumes = store.manifest().volumes;
    return std::ranges::any_of(volumes, [&](const Volume& volume) {
        return volume.master == master && volume.rebind_after_recovery;
    });
}

MasterFile brought_up_to_date(const Store& store, const SlotProver& prover, const std::string& name,
                              MasterFile file, const SecretBytes& master) {
    if (!file.is_sealed()) {
        return upgraded(store, prover, name, std::move(file), master);
    }
    MasterFile now = file;
    prove_slots(prover, now, master);
    if (prover.is_attended) {
        now.may_rebind = manifest_lets_rebind(store, name);
    }
    const bool is_same = slots_form(now) == slots_form(file);
    now = proved(name, std::move(now), master, texts_under(store, name),
                 is_same ? KnownProofs::kept : KnownProofs::dropped);
    if (now != file) {
        store.write_master(name, now);
    }
    return now;
}

void require_proved(const Store& store, const std::string& name, const MasterFile& file,
                    const SecretBytes& master) {
    const KeyTexts texts = texts_under(store, name);
    if (const auto problem = problem_with_store({.name = name, .file = file, .texts = texts}, master)) {
        throw Error{Reason::refused,
                    formatted("the master key \"{}\": {}: nothing was changed", name, with_detail(*problem)),
                    {.kind = AdviceKind::restore_store, .subject = store.paths().configuration().string()}};
    }
}

} // namespace sealmount
