// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/enroll/enroll_master.hpp"

#include "base/format.hpp"
#include "core/ecryptfs/encrypted_key.hpp"
#include "core/master/recovery_key.hpp"
#include "core/master/seal_slot.hpp"
#include "core/slots/belief.hpp"
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

/// Keys that no volume of the manifest has may be all that is left of a volume whose manifest was lost.
void check_nothing_is_lost(const EnrollContext& context, const std::string& name,
                           const std::vector<Fekek>& keys) {
    for (const auto& [signature, text] : texts_under(context.store, name)) {
        if (std::ranges::find(keys, signature, &Fekek::signature) == keys.end()) {
            throw Error{
                Reason::refused,
                formatted("{}: no volume of the manifest is under it, and {} is: a new master key would "
                          "leave that key without one",
                          context.store.paths().master(name).string(),
                          context.store.paths().key(signature).string()),
                {.kind = AdviceKind::choose_master}};
        }
    }
}

/// The keys of other volumes under this master key; those of this one are made again.
KeyTexts texts_of_others(const EnrollContext& context, const std::string& name,
                         const std::vector<Fekek>& keys) {
    KeyTexts texts = texts_under(context.store, name);
    for (const Fekek& fekek : keys) {
        texts.erase(fekek.signature);
    }
    return texts;
}

/// Did somebody who had one of the keys of this very volume write the file?
bool is_proved_by_own(const EnrollContext& context, const std::string& name, const MasterFile& file,
                      const std::vector<Fekek>& keys, const SecretBytes& master) {
    return std::ranges::any_of(keys, [&](const Fekek& fekek) {
        if (is_proved_by(name, file, fekek).value_or(false)) {
            return true;
        }
        try {
            return open_encrypted_key(context.store.key(fekek.signature), master).equals(fekek.key.bytes());
        } catch (const Error&) {
            return false;
        }
    });
}

/// The one that volumes are under, if it is that.
EnrolledMaster open_master_in_use(const EnrollContext& context, Tpm& tpm, const EnrollRequest& request,
                                  const std::vector<Fekek>& keys) {
    const std::string& name = request.volume.master;
    EnrolledMaster master{.file = context.store.master(name), .key = {}};
    const KeyTexts others = texts_of_others(context, name, keys);
    UnsealRequest unsealing = context.request_for(master.file);
    unsealing.problem = [&](const SecretBytes* const key) -> std::optional<Refusal> {
        auto problem = problem_with_store({.name = name, .file = master.file, .texts = others}, *key);
        const bool is_undecided = problem ? problem->kind == RefusalKind::text_rejected : others.empty();
        if (!is_undecided) {
            return problem;
        }
        if (is_proved_by_own(context, name, master.file, keys, *key)) {
            return std::nullopt;
        }
        return Refusal{
            .kind = RefusalKind::store_changed,
            .detail = formatted("masters/{}.json: no key proves that it is the one of its volumes", name)};
    };
    auto key = unseal_master(tpm, unsealing, context.machine.backoff);
    if (!key) {
        throw_master_refusal(name, key.error());
    }
    master.key = std::move(key->key);
    const SlotProver prover{.tpm = tpm,
                            .files = context.store.policy_files(),
                            .backoff = context.machine.backoff,
                            .pin = context.pin};
    master.file = brought_up_to_date(context.store, prover, name, std::move(master.file), master.key);
    master.on_disk = context.store.master_text(name);
    return master;
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
                             const EnrollRequest& request, const std::vector<Fekek>& keys) {
    const std::string& name = request.volume.master;
    const bool is_there = context.store.has_master(name);
    if (is_there &&
        std::ranges::any_of(manifest.volumes, [&](const Volume& volume) { return volume.master == name; })) {
        return open_master_in_use(context, tpm, request, keys);
    }
    if (is_there) {
        check_nothing_is_lost(context, name, keys);
    }
    EnrolledMaster made = make_master(context, tpm, request);
    made.on_disk = context.store.master_text(name);
    return made;
}

} // namespace sealmount
