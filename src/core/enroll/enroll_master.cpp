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
#include <expected>
#include <functional>
#include <optional>
#include <utility>

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
        throw_master_refusal(context.store, name, unsealed.error());
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

/// Are only volumes of dracut under it, whose keys prove nothing, so that nothing is missing where none does?
bool has_only_dracuts(const Manifest& manifest, const std::string& name) {
    return std::ranges::all_of(manifest.volumes, [&](const Volume& volume) {
        return volume.master != name || volume.signature == dracut_signature;
    });
}

/// Why a master key is not the right one for this file.
using MasterCheck = std::function<std::optional<Refusal>(const MasterFile&, const SecretBytes&)>;

std::expected<EnrolledMaster, MasterRefusal> open_present_master(const EnrollContext& context, Tpm& tpm,
                                                                 const std::string& name,
                                                                 const MasterCheck& check) {
    MasterFile file = context.store.master(name);
    UnsealRequest request = context.request_for(file);
    request.problem = [&](const SecretBytes* const key) { return check(file, *key); };
    auto key = unseal_master(tpm, request, context.machine.backoff);
    if (!key) {
        return std::unexpected{std::move(key.error())};
    }
    const SlotProver prover{.tpm = tpm,
                            .files = context.store.policy_files(),
                            .backoff = context.machine.backoff,
                            .pin = context.pin};
    EnrolledMaster master{.file = brought_up_to_date(context.store, prover, name, std::move(file), key->key),
                          .key = std::move(key->key)};
    master.on_disk = context.store.master_text(name);
    return master;
}

/// The one that volumes are under, if it is that.
EnrolledMaster open_master_in_use(const EnrollContext& context, Tpm& tpm, const Manifest& manifest,
                                  const std::string& name, const std::vector<Fekek>& keys) {
    const KeyTexts others = texts_of_others(context, name, keys);
    const bool may_be_dracuts = !others.empty() && has_only_dracuts(manifest, name);
    const auto check = [&](const MasterFile& file, const SecretBytes& key) -> std::optional<Refusal> {
        auto problem = problem_with_store({.name = name, .file = file, .texts = others}, key);
        const bool is_undecided = problem ? problem->kind == RefusalKind::text_rejected
                                          : !has_telling_names(others) && !may_be_dracuts;
        if (!is_undecided) {
            return problem;
        }
        if (is_proved_by_own(context, name, file, keys, key)) {
            return std::nullopt;
        }
        return Refusal{
            .kind = RefusalKind::store_changed,
            .detail = formatted("masters/{}.json: no key proves that it is the one of its volumes", name)};
    };
    auto master = open_present_master(context, tpm, name, check);
    if (!master) {
        throw_master_refusal(context.store, name, master.error());
    }
    return std::move(*master);
}

/// One that no volume is under, if a key of this one proves it: then a killed run has left it, or the
/// manifest was lost. Nothing if it does not open, or was sealed to something else than is asked for.
std::optional<EnrolledMaster> open_left_over(const EnrollContext& context, Tpm& tpm,
                                             const EnrollRequest& request, const std::vector<Fekek>& keys) {
    const std::string& name = request.volume.master;
    const KeyTexts others = texts_of_others(context, name, keys);
    const auto check = [&](const MasterFile& file, const SecretBytes& key) -> std::optional<Refusal> {
        auto problem = problem_with_store({.name = name, .file = file, .texts = others}, key);
        if (problem && problem->kind != RefusalKind::text_rejected) {
            return problem;
        }
        return is_proved_by_own(context, name, file, keys, key)
                   ? std::nullopt
                   : std::optional{Refusal{.kind = RefusalKind::store_changed, .detail = {}}};
    };
    try {
        auto master = open_present_master(context, tpm, name, check);
        if (!master || std::ranges::none_of(master->file.slots, [&](const Slot& slot) {
                return !slot.is_unproven && same_shape(slot.policy, without_values(request.policy));
            })) {
            return std::nullopt;
        }
        master->file.recovery.clear(); // nobody can have seen it
        add_recovery_key(*master, request);
        return std::move(*master);
    } catch (const Error& error) {
        if (error.reason() != Reason::config && error.reason() != Reason::bad_data) {
            throw;
        }
        return std::nullopt; // damaged
    }
}

} // namespace

void throw_master_refusal(const Store& store, const std::string_view name, const MasterRefusal& refusal) {
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
    Advice advice{.kind = AdviceKind::choose_master};
    if (refusal.kind == RefusalKind::store_changed) {
        advice = {.kind = AdviceKind::restore_store, .subject = store.paths().configuration().string()};
    }
    throw Error{Reason::refused, message, advice_for(refusal, std::move(advice))};
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
        return open_master_in_use(context, tpm, manifest, name, keys);
    }
    if (is_there) {
        if (auto left_over = open_left_over(context, tpm, request, keys)) {
            return std::move(*left_over);
        }
        check_nothing_is_lost(context, name, keys);
    }
    EnrolledMaster made = make_master(context, tpm, request);
    made.on_disk = context.store.master_text(name);
    return made;
}

} // namespace sealmount
