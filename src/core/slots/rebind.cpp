// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/slots/rebind.hpp"

#include "base/error.hpp"
#include "base/format.hpp"
#include "core/slots/srk_trust.hpp"
#include "core/slots/suspend.hpp"
#include "sys/tpm/srk_name.hpp"

#include <algorithm>
#include <ranges>

namespace sealmount {

namespace {

/// What a new master key takes over from the old one's file.
struct OldMaster {
    std::vector<Policy> kinds{}; ///< of its slots; PCR 7 where that cannot be known
    std::vector<SrkPin> pins{};  ///< its own; empty where it cannot be read
    bool may_rebind = false;
};

/// Is there a key that proves the slots of the file, and none that it knows and that does not?
template<typename Keys>
bool is_proved(const std::string& name, const MasterFile& file, const Keys& keys) {
    bool is_known = false;
    for (const Fekek& fekek : keys) {
        const auto proof = is_proved_by(name, file, fekek);
        if (proof && !*proof) {
            return false;
        }
        is_known = is_known || proof.has_value();
    }
    return is_known;
}

/// What the new master key will not have.
void note_left_out(const MasterFile& file, Renewed& renewed) {
    for (const Slot& slot : file.slots) {
        if (is_suspension(slot) || slot.is_unproven) {
            renewed.left_out.push_back(slot.id);
        }
    }
}

/// The old master key is out of reach, so nothing that its file says is believed but what the keys prove.
/// Throws Error.
template<typename Keys>
OldMaster proved_master(const Store& store, const std::string& name, const Keys& keys, Renewed& renewed) {
    const MasterFile file = store.master(name);
    if (!is_proved(name, file, keys)) {
        throw Error{Reason::refused,
                    formatted("{}: the keys of its volumes do not prove what its slots are sealed to{}",
                              store.paths().master(name).string(),
                              file.is_sealed() ? "" : ": sealmount 0.1 wrote it, without a proof")};
    }
    OldMaster old{.kinds = lasting_kinds(file),
                  .pins = {{.master = name, .name = file.srk_name}},
                  .may_rebind = file.may_rebind};
    note_left_out(file, renewed);
    return old;
}

/// For a person, who sees the note: bound to PCR 7 where the kinds cannot be known. Of a file that nothing
/// proves, the pin is kept all the same: another TPM has to be accepted.
template<typename Keys>
OldMaster old_master(const Store& store, const std::string& name, const Keys& keys, Renewed& renewed) {
    try {
        return proved_master(store, name, keys, renewed);
    } catch (const Error& error) {
        renewed.notes.push_back(formatted("{}; the new master key is bound to PCR 7", error.what()));
    }
    OldMaster old{.kinds = lasting_kinds({})};
    try {
        old.pins.push_back({.master = name, .name = store.master(name).srk_name});
    } catch (const Error&) { // NOLINT(bugprone-empty-catch): then the pins of other master keys count
    }
    return old;
}

/// The storage root key for the new master key. Where nobody knows which one it has to be, that is noted.
TpmName srk_for(const SlotContext& context, Tpm& tpm, const OldMaster& old, Renewed& renewed) {
    TrustedSrk srk = trusted_srk(tpm, {.pins = old.pins.empty() ? srk_pins(context.store) : old.pins,
                                       .accepts_new_tpm = context.accepts_new_tpm});
    if (srk.trust != SrkTrust::pinned) {
        renewed.notes.push_back(
            formatted("the TPM's storage root key {} is trusted from now on", short_form(srk.name)));
    }
    return std::move(srk.name);
}

/// A new master key sealed to the present state, without keys.
Renewal bound_to_present(const SlotContext& context, Tpm& tpm, const std::string& name,
                         const std::optional<SecretBytes>& pin, const OldMaster& old, Renewed& renewed) {
    Renewal renewal;
    renewal.file.srk_name = srk_for(context, tpm, old, renewed);
    for (const Policy& kind : old.kinds) {
        if (kind.pin && !pin) {
            renewed.notes.push_back(
                formatted("no PIN was given for the master key \"{}\": it no longer has a slot with {}", name,
                          describe(kind)));
            continue;
        }
        for (const BoundPolicy& bound : context.bound(tpm, kind)) {
            renewal.file.slots.push_back(seal_slot(tpm, renewal.file.srk_name, renewal.key,
                                                   pin ? &*pin : nullptr,
                                                   {.id = renewal.file.next_id(),
                                                    .policy = bound.policy,
                                                    .sealed = {},
                                                    .created = now_rfc3339(),
                                                    .note = "bound again with passphrases",
                                                    .events = bound.events}));
        }
    }
    return renewal;
}

/// Puts the keys that wait from earlier passphrases under the renewal's own master key, as far as the TPM
/// still releases theirs. That one is taken over by nobody: a key is known by its signature, and the master
/// key that it waits under by nothing.
void add_waiting(const SlotContext& context, Tpm& tpm, const std::string& name,
                 const std::vector<std::string>& needed, Renewal& renewal) {
    try {
        const auto waiting = context.store.waiting_renewal(name);
        if (!waiting) {
            return;
        }
        const auto key = unseal_master(tpm, context.request_for(waiting->master), context.machine.backoff);
        if (!key) {
            return;
        }
        for (const auto& [signature, text] : waiting->keys) {
            const SecretBytes fekek = open_encrypted_key(text, key->key);
            // Volumes may have been removed while their keys waited.
            if (signature_of(fekek) == signature && std::ranges::count(needed, signature) > 0) {
                renewal.add_key(name, signature, fekek);
            }
        }
    } catch (const Error&) { // NOLINT(bugprone-empty-catch): it was only half-written, and is typed again
    }
}

/// At boot nobody sees that the policy is another one, and what the manifest says of rebinding may be
/// anybody's.
OldMaster master_to_rebind(const SlotContext& context, const std::string& name,
                           const std::vector<Fekek>& keys, Renewed& renewed) {
    OldMaster old = proved_master(context.store, name, keys, renewed);
    if (!old.may_rebind) {
        throw Error{Reason::refused,
                    formatted("{}: nobody who has the master key has agreed to \"rebind_after_recovery\" yet",
                              context.store.paths().master(name).string()),
                    {.kind = AdviceKind::prove_store, .subject = name}};
    }
    return old;
}

} // namespace

Renewed rebind(const SlotContext& context, const std::string& name, const std::map<std::string, Fekek>& keys,
               const SecretBytes* const recovery_key) {
    for (const std::string& signature : signatures_under(context.store, name)) {
        if (!keys.contains(signature)) {
            throw Error{
                Reason::usage,
                formatted("the key {} of a volume under the master key \"{}\" was not given: all of them "
                          "are needed",
                          signature, name)};
        }
    }
    const auto tpm = open_managed_tpm(context.machine.tpm, context.machine.backoff);
    Renewed renewed;
    const OldMaster old = old_master(context.store, name, std::views::values(keys), renewed);
    const auto pin =
        std::ranges::any_of(old.kinds, &Policy::pin) ? context.ask_pin() : std::optional<SecretBytes>{};
    Renewal renewal = bound_to_present(context, *tpm, name, pin, old, renewed);
    renewal.file.may_rebind = manifest_lets_rebind(context.store, name);
    for (const auto& [signature, fekek] : keys) {
        renewal.add_key(name, signature, fekek.key);
    }
    renewal.add_recovery_key(name, recovery_key);
    commit(context, *tpm, name, renewal, pin ? &*pin : nullptr, renewed);
    context.store.drop_waiting_renewal(name);
    return renewed;
}

std::optional<Renewed> rebind_with(const SlotContext& context, const std::string& name,
                                   const std::vector<Fekek>& keys) {
    const std::vector<std::string> needed = signatures_under(context.store, name);
    if (context.store.has_recovery_key(name)) {
        throw Error{Reason::refused, "its recovery key would not open it any more, and a new one has to be "
                                     "shown to somebody"};
    }
    Renewed renewed;
    const OldMaster old = master_to_rebind(context, name, keys, renewed);
    const auto tpm = open_managed_tpm(context.machine.tpm, context.machine.backoff);
    if (std::ranges::any_of(old.kinds, &Policy::pin)) {
        throw Error{Reason::refused,
                    formatted("the master key \"{}\" has slots with a PIN", name),
                    {.kind = AdviceKind::rebind_with_pin, .subject = name}};
    }
    Renewal renewal = bound_to_present(context, *tpm, name, std::nullopt, old, renewed);
    renewal.file.may_rebind = true;
    add_waiting(context, *tpm, name, needed, renewal);
    for (const Fekek& fekek : keys) {
        renewal.add_key(name, fekek.signature, fekek.key);
    }
    if (!std::ranges::all_of(needed, [&](const auto& s) { return renewal.texts.contains(s); })) {
        context.store.write_waiting_renewal(name, renewal.file, renewal.texts);
        return std::nullopt;
    }
    commit(context, *tpm, name, renewal, nullptr, renewed);
    context.store.drop_waiting_renewal(name);
    return renewed;
}

} // namespace sealmount
