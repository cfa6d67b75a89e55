// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/slots/rebind.hpp"

#include "base/error.hpp"
#include "base/format.hpp"
#include "core/slots/srk_trust.hpp"
#include "core/slots/suspend.hpp"
#include "sys/tpm/srk_name.hpp"

#include <algorithm>

namespace sealmount {

namespace {

/// What a new master key takes over from the old one's file.
struct OldMaster {
    std::vector<Policy> kinds;  ///< of its slots; PCR 7 where it cannot be read
    std::vector<SrkPin> pins{}; ///< its own; empty where it cannot be read
};

OldMaster old_master(const Store& store, const std::string& name, Renewed& renewed) {
    MasterFile file;
    OldMaster old;
    try {
        file = store.master(name);
        old.pins.push_back({.master = name, .name = file.srk_name});
    } catch (const Error& error) {
        renewed.notes.push_back(formatted("{}; the new master key is bound to PCR 7", error.what()));
    }
    for (const Slot& slot : file.slots) {
        if (is_suspension(slot)) {
            renewed.left_out.push_back(slot.id);
        }
    }
    old.kinds = lasting_kinds(file);
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

/// What waits from an earlier passphrase, if the TPM still releases it, and is the one of the master key that
/// it takes the place of.
std::optional<Renewal> waiting(const SlotContext& context, Tpm& tpm, const std::string& name,
                               const TpmName& srk) {
    try {
        auto waiting = context.store.waiting_renewal(name);
        if (!waiting || waiting->master.srk_name != srk) {
            return std::nullopt;
        }
        auto key = unseal_master(tpm, context.request_for(waiting->master), context.machine.backoff);
        if (!key) {
            return std::nullopt;
        }
        return Renewal{.file = std::move(waiting->master),
                       .key = std::move(key->key),
                       .texts = std::move(waiting->keys)};
    } catch (const Error&) {
        return std::nullopt; // it was only half-written: what it has is typed again
    }
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
    const OldMaster old = old_master(context.store, name, renewed);
    const auto pin =
        std::ranges::any_of(old.kinds, &Policy::pin) ? context.ask_pin() : std::optional<SecretBytes>{};
    Renewal renewal = bound_to_present(context, *tpm, name, pin, old, renewed);
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
    const auto tpm = open_managed_tpm(context.machine.tpm, context.machine.backoff);
    Renewed renewed;
    const OldMaster old = old_master(context.store, name, renewed);
    if (old.pins.empty()) {
        throw Error{Reason::refused,
                    formatted("the file of the master key \"{}\" cannot be read, so which TPM it was sealed "
                              "by is not known",
                              name)};
    }
    if (std::ranges::any_of(old.kinds, &Policy::pin)) {
        throw Error{Reason::refused,
                    formatted("the master key \"{}\" has slots with a PIN", name),
                    {.kind = AdviceKind::rebind_with_pin, .subject = name}};
    }
    auto renewal = waiting(context, *tpm, name, old.pins.front().name);
    if (!renewal) {
        renewal = bound_to_present(context, *tpm, name, std::nullopt, old, renewed);
    }
    for (const Fekek& fekek : keys) {
        renewal->add_key(name, fekek.signature, fekek.key);
    }
    // Volumes may have been removed while their keys waited.
    std::erase_if(renewal->texts,
                  [&](const auto& text) { return std::ranges::count(needed, text.first) == 0; });
    if (!std::ranges::all_of(needed, [&](const auto& s) { return renewal->texts.contains(s); })) {
        context.store.write_waiting_renewal(name, renewal->file, renewal->texts);
        return std::nullopt;
    }
    commit(context, *tpm, name, *renewal, nullptr, renewed);
    context.store.drop_waiting_renewal(name);
    return renewed;
}

} // namespace sealmount
