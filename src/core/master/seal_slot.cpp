// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/master/seal_slot.hpp"

#include "base/error.hpp"

#include <ctime>

namespace sealmount {

namespace {

[[noreturn]] void fail(const std::string& what, const Refusal& refusal) {
    throw Error{Reason::unavailable, what + ": " + describe(refusal.kind) +
                                         (refusal.detail.empty() ? "" : " (" + refusal.detail + ")")};
}

} // namespace

PresentBinder bind_to_present_values(PolicyFileReader files) {
    return [files = std::move(files)](Tpm& tpm, const Policy& policy) {
        PolicyNeeds needs;
        add_needs(policy, files, needs);
        return std::vector{BoundPolicy{filled_in(policy, read_state(tpm, needs)), {}}};
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
    tpm.check_srk();
    if (auto name = tpm.srk_name()) {
        return {.name = std::move(*name), .is_new = false};
    } else if (name.error().kind == RefusalKind::srk_missing) {
        return {.name = tpm.make_srk(), .is_new = true};
    } else {
        fail("cannot read the storage root key", name.error());
    }
}

Slot seal_slot(Tpm& tpm, const SecretBytes& master, const SecretBytes* const pin, Slot slot) {
    if (slot.policy.pin && pin == nullptr) {
        throw Error{Reason::internal, "a slot with a PIN was to be made without one"};
    }
    auto sealed = tpm.seal(master, policy_digest(slot.policy), slot.policy.pin ? pin : nullptr);
    if (!sealed) {
        fail("the TPM does not seal the master key", sealed.error());
    }
    slot.sealed = std::move(*sealed);
    return slot;
}

SlotProof prove_slot(Tpm& tpm, const UnsealRequest& request, const Slot& slot, const SecretBytes& master,
                     const Backoff& pause) {
    const MasterFile alone{.srk_name = request.file.srk_name, .slots = {slot}};
    const auto unsealed = unseal_master(tpm, {alone, request.files, request.pin}, pause);
    if (unsealed) {
        if (!unsealed->key.equals(master.bytes())) {
            throw Error{Reason::bad_data,
                        "the TPM released another master key than was sealed: nothing was written"};
        }
        return SlotProof::unsealed;
    }
    if (unsealed.error().kind != RefusalKind::policy_mismatch) {
        fail("the new slot does not open", {unsealed.error().kind, unsealed.error().detail});
    }
    // A session without a step: the object has to be loaded before the TPM can say that its policy fails.
    const auto loaded = tpm.unseal(slot.sealed, {});
    if (!loaded && loaded.error().kind != RefusalKind::policy_mismatch) {
        fail("the TPM does not take the new slot", loaded.error());
    }
    return SlotProof::loaded;
}

} // namespace sealmount
