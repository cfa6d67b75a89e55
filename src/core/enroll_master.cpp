// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/enroll_master.hpp"

#include "core/encrypted_key.hpp"
#include "sys/crypto.hpp"

#include <algorithm>
#include <ctime>

namespace sealmount {

namespace {

std::string now_rfc3339() {
    const std::time_t now = std::time(nullptr);
    std::tm parts{};
    ::gmtime_r(&now, &parts);
    std::string text(sizeof "YYYY-MM-DDTHH:MM:SSZ", '\0');
    text.resize(std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts));
    return text;
}

MasterInHand make_master(Tpm& tpm, const PcrSelection pcrs) {
    MasterInHand master{.file = {}, .key = random_secret(master_key_size), .is_new = true};
    tpm.check_srk();
    if (auto name = tpm.srk_name()) {
        master.file.srk_name = std::move(*name);
    } else if (name.error().kind == RefusalKind::srk_missing) {
        master.file.srk_name = tpm.make_srk();
        master.new_srk = true;
    } else {
        throw Error{Reason::unavailable, std::string{"cannot read the storage root key: "} +
                                             describe(name.error().kind) + " " + name.error().detail};
    }
    Slot slot{.id = 1,
              .policy = {.bank = pcrs.bank, .values = tpm.read_pcrs(pcrs).values},
              .sealed = {},
              .created = now_rfc3339(),
              .note = "enrolment"};
    auto sealed = tpm.seal(master.key, policy_digest(slot.policy));
    if (!sealed) {
        throw Error{Reason::unavailable, std::string{"the TPM does not seal the master key: "} +
                                             describe(sealed.error().kind) + " " + sealed.error().detail};
    }
    slot.sealed = std::move(*sealed);
    master.file.slots.push_back(std::move(slot));
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
        for (const PcrMismatch& mismatch : slot.mismatches) {
            message += "; slot " + std::to_string(slot.slot) + ": PCR " + std::to_string(mismatch.pcr) +
                       " expected " + mismatch.expected + ", found " + mismatch.found;
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
        return make_master(tpm, request.pcrs);
    }
    MasterInHand master{.file = world.store.master(name), .key = {}};
    const std::vector<Volume> volumes = world.store.manifest().volumes;
    const bool orphaned =
        std::ranges::none_of(volumes, [&](const Volume& volume) { return volume.master == name; });
    if (orphaned && std::ranges::none_of(master.file.slots, [&](const Slot& slot) {
            return slot.policy.selection() == request.pcrs;
        })) {
        return make_master(tpm, request.pcrs);
    }
    auto key = unseal_master(tpm, master.file, world.pause);
    if (!key && orphaned && is_final(key.error().kind)) {
        return make_master(tpm, request.pcrs);
    }
    if (!key) {
        throw_master_refusal(name, key.error());
    }
    master.key = std::move(key->key);
    return master;
}

} // namespace sealmount
