// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/master/seal_slot.hpp"

#include "base/error.hpp"
#include "base/format.hpp"
#include "core/master/store_proof.hpp"

#include <ctime>

namespace sealmount {

namespace {

[[noreturn]] void fail(const std::string_view what, const std::string& why) {
    throw Error{Reason::unavailable, formatted("{}: {}", what, why)};
}

} // namespace

PresentBinder bind_to_present_values(PolicyFileReader files) {
    return [files = std::move(files)](Tpm& tpm, const Policy& policy) {
        PolicyNeeds needs;
        add_needs(policy, files, needs);
        return std::vector{BoundPolicy{.policy = filled_in(policy, read_state(tpm, needs)), .events = {}}};
    };
}

std::string now_rfc3339() {
    const std::time_t now = std::time(nullptr);
    std::tm parts{};
    ::gmtime_r(&now, &parts);
    std::string text(sizeof "YYYY-MM-DDTHH:MM:SSZ", '\0');
    text.resize(std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts));
    return text;
}

SealingParent srk_to_seal_under(Tpm& tpm) {
    if (auto name = tpm.usable_srk_name()) {
        return {.name = std::move(*name), .is_new = false};
    } else if (name.error().kind == RefusalKind::srk_missing && !tpm.has_storage()) {
        throw Error{
            Reason::unavailable, describe(RefusalKind::storage_disabled), {AdviceKind::enable_storage}};
    } else if (name.error().kind == RefusalKind::srk_missing) {
        return {.name = tpm.make_srk(), .is_new = true};
    } else {
        fail("cannot read the storage root key", with_detail(name.error()));
    }
}

Slot seal_slot(Tpm& tpm, const TpmName& srk, const SecretBytes& master, const SecretBytes* const pin,
               Slot slot) {
    if (slot.policy.pin && pin == nullptr) {
        throw Error{Reason::internal, "a slot with a PIN was requested without one"};
    }
    auto sealed = tpm.seal(srk, master, policy_digest(slot.policy), slot.policy.pin ? pin : nullptr);
    if (!sealed && sealed.error().kind == RefusalKind::srk_locked) {
        throw Error{Reason::refused, with_detail(sealed.error()), {AdviceKind::evict_locked_srk}};
    }
    if (!sealed && sealed.error().kind == RefusalKind::srk_changed) {
        throw Error{Reason::refused, with_detail(sealed.error()), {AdviceKind::accept_new_tpm}};
    }
    if (!sealed) {
        fail("the TPM does not seal the master key", with_detail(sealed.error()));
    }
    slot.sealed = std::move(*sealed);
    return slot;
}

SlotProof prove_slot(Tpm& tpm, const UnsealRequest& request, const Slot& slot, const SecretBytes& master,
                     const Backoff& backoff) {
    if (!is_sealed_to_its_policy(slot)) {
        throw Error{
            Reason::bad_data,
            formatted("the object of slot {} is sealed to another policy than the slot says", slot.id)};
    }
    const MasterFile alone{.srk_name = request.file.srk_name, .slots = {slot}};
    const auto unsealed =
        unseal_master(tpm, {.file = alone, .files = request.files, .pin = request.pin}, backoff);
    if (unsealed) {
        if (!unsealed->key.equals(master.bytes())) {
            throw Error{Reason::bad_data,
                        "the TPM released a master key other than the one that was sealed: nothing was "
                        "written"};
        }
        return SlotProof::unsealed;
    }
    if (unsealed.error().kind != RefusalKind::policy_mismatch) {
        fail("the new slot does not open", with_detail(unsealed.error()));
    }
    // A session without a step: the object has to be loaded before the TPM can say that its policy fails.
    const auto loaded = tpm.unseal(request.file.srk_name, slot.sealed, {});
    if (!loaded && loaded.error().kind != RefusalKind::policy_mismatch) {
        fail("the TPM does not accept the new slot", with_detail(loaded.error()));
    }
    return SlotProof::loaded;
}

} // namespace sealmount
