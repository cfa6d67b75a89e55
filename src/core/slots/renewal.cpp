// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/slots/renewal.hpp"

#include "base/error.hpp"
#include "base/format.hpp"
#include "core/master/recovery_key.hpp"

#include <algorithm>
#include <set>

namespace sealmount {

void Renewal::add_key(const std::string& master, const std::string& signature, const SecretBytes& fekek) {
    std::string text =
        compose_encrypted_key(formatted("trusted:{}", master), key, fekek, bound_vector(signature));
    if (!open_encrypted_key(text, key).equals(fekek.bytes())) {
        throw Error{Reason::internal,
                    formatted("the composed key {} does not open again: nothing was written", signature)};
    }
    texts[signature] = std::move(text);
}

void Renewal::add_recovery_key(const std::string& master, const SecretBytes* const recovery_key) {
    if (recovery_key != nullptr) {
        file.recovery.push_back(
            make_recovery_slot(master, file.next_id(), key, *recovery_key, "new master key"));
    }
}

SecretBytes volume_key_in(const Store& store, const std::string& signature, const SecretBytes& master) {
    const std::string text = store.key(signature);
    try {
        return open_volume_key(text, master, signature);
    } catch (const Error& error) {
        throw error.in(store.paths().key(signature).string());
    }
}

std::vector<std::string> signatures_under(const Store& store, const std::string& master) {
    const Manifest manifest = store.manifest();
    if (!manifest.problems.empty()) {
        throw Error{Reason::config,
                    formatted("{}: {}; fix it first, since its keys could be left behind",
                              store.paths().manifest().string(), manifest.problems.front().what())};
    }
    std::set<std::string> signatures;
    for (const Volume& volume : manifest.volumes) {
        if (volume.master == master) {
            const auto own = volume.signatures();
            signatures.insert(own.begin(), own.end());
        }
    }
    return {signatures.begin(), signatures.end()};
}

void commit(const SlotContext& context, Tpm& tpm, const std::string& name, const Renewal& renewal,
            const SecretBytes* const pin, Renewed& renewed) {
    bool opens = false;
    for (const Slot& slot : renewal.file.slots) {
        opens = prove_slot(tpm, context.request_for(renewal.file, pin), slot, renewal.key,
                           context.machine.backoff) == SlotProof::unsealed ||
                opens;
        renewed.slots.push_back(slot.id);
    }
    for (const RecoverySlot& slot : renewal.file.recovery) {
        renewed.recovery.push_back(slot.id);
    }
    if (!opens) {
        throw Error{
            Reason::refused,
            formatted("no slot of the new master key \"{}\" would open now: nothing was changed", name),
            {.kind = AdviceKind::reseal_present_state, .subject = name}};
    }
    for (const auto& [signature, text] : renewal.texts) {
        renewed.keys.push_back(signature);
    }
    context.store.replace(name, proved(name, renewal.file, renewal.key, renewal.texts), renewal.texts);
}

} // namespace sealmount
