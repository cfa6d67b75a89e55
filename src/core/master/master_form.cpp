// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/master/master_form.hpp"

#include "base/format.hpp"
#include "base/hex.hpp"
#include "core/ecryptfs/encrypted_key.hpp"
#include "sys/crypto/crypto.hpp"

namespace sealmount {

namespace {

std::expected<KernelMaster, MasterRefusal> bring_in_trusted(const Machine& machine, const std::string& name,
                                                            const UnsealRequest& request) {
    const auto tpm = open_tpm(machine.tpm, TpmAccess::raw, machine.backoff);
    if (!tpm) {
        return std::unexpected{refusal_without_slots(tpm.error())};
    }
    if (machine.tpm.kernel_needs_room()) {
        (*tpm)->drop_leftovers();
    }
    const auto slot = load_trusted_master(**tpm, machine.keyring, name, request, machine.backoff);
    if (!slot) {
        return std::unexpected{slot.error()};
    }
    auto master = KernelMaster::trusted(machine.keyring, name, *slot);
    master.demand_bound_texts(request.file.is_sealed());
    return master;
}

/// Frees the TPM's memory of what others left there; false when there was nothing, or somebody holds the raw
/// device.
bool drop_leftovers(TpmOpener& opener) {
    const auto raw = opener.open(TpmAccess::raw);
    return raw && (*raw)->drop_leftovers() > 0;
}

std::expected<UnsealedMaster, MasterRefusal> unseal(const Machine& machine, const UnsealRequest& request) {
    const auto tpm = open_tpm(machine.tpm, TpmAccess::managed, machine.backoff);
    if (!tpm) {
        return std::unexpected{refusal_without_slots(tpm.error())};
    }
    return unseal_master(**tpm, request, machine.backoff);
}

/// Can userspace do what the kernel could not?
bool user_form_may_help(const RefusalKind kind) {
    switch (kind) {
    case RefusalKind::tpm_busy:
    case RefusalKind::tpm_full:
    case RefusalKind::object_rejected:
    case RefusalKind::unseal_failed:
    case RefusalKind::key_type_absent:
        return true;
    default:
        return false;
    }
}

} // namespace

std::string_view to_string(const MasterForm form) noexcept {
    return form == MasterForm::trusted ? "trusted" : "user";
}

std::expected<MasterForm, Refusal> kernel_form(Keyring& keyring) {
    const auto takes_trusted = keyring.takes_trusted_masters();
    if (!takes_trusted) {
        return std::unexpected{takes_trusted.error()};
    }
    return *takes_trusted && keyring.has_trusted_keys() ? MasterForm::trusted : MasterForm::user;
}

KernelMaster::KernelMaster(Keyring& keyring, std::string name, const unsigned slot)
    : loaded_(std::make_unique<LoadedMaster>(keyring, name)), name_(std::move(name)), slot_(slot) {
}

KernelMaster KernelMaster::trusted(Keyring& keyring, std::string name, const unsigned slot) {
    return {keyring, std::move(name), slot};
}

KernelMaster KernelMaster::user(Keyring& keyring, UnsealedMaster master) {
    // A name that cannot be guessed: nobody can have an impostor ready.
    KernelMaster result{keyring, formatted("sealmount-{}", to_hex(random_bytes(8))), master.slot};
    keyring.load_user_master(result.name_, master.key);
    result.bytes_ = std::move(master.key);
    return result;
}

std::string KernelMaster::text_for(const std::string& signature, const std::string& text) const {
    try {
        if (is_bound_demanded_ && !is_bound(text, signature)) {
            throw Error{Reason::bad_data, "is older than its master key's file, or another key's"};
        }
        if (!bytes_) {
            return text;
        }
        static_cast<void>(open_volume_key(text, *bytes_, signature));
        return with_master_description(text, *bytes_, formatted("user:{}", name_));
    } catch (const Error& error) {
        throw error.in(formatted("keys/{}.key", signature));
    }
}

std::optional<Refusal> wait_for_tpm(TpmOpener& opener, const std::chrono::seconds limit) {
    auto tpm = opener.open(TpmAccess::managed);
    if (tpm || tpm.error().kind != RefusalKind::no_tpm) {
        return std::nullopt;
    }
    if (!opener.is_announced()) {
        return tpm.error();
    }
    if (opener.wait_for_device(limit)) {
        return std::nullopt;
    }
    return Refusal{.kind = RefusalKind::no_tpm,
                   .detail = formatted("the firmware announces one, but no device appeared in {} seconds",
                                       tpm_appearance_limit.count())};
}

std::expected<KernelMaster, MasterRefusal> bring_in_user_master(const Machine& machine,
                                                                const UnsealRequest& request) {
    auto unsealed = unseal(machine, request);
    if (!unsealed && unsealed.error().kind == RefusalKind::tpm_full && drop_leftovers(machine.tpm)) {
        unsealed = unseal(machine, request);
    }
    if (!unsealed) {
        return std::unexpected{std::move(unsealed.error())};
    }
    auto master = KernelMaster::user(machine.keyring, std::move(*unsealed));
    master.demand_bound_texts(request.file.is_sealed());
    return master;
}

std::expected<KernelMaster, MasterRefusal> bring_in_master(const Machine& machine, const std::string& name,
                                                           const UnsealRequest& request,
                                                           const FormChoice choice,
                                                           const FallbackObserver& falls_back) {
    if (!machine.keyring.has_trusted_keys()) {
        if (choice == FormChoice::trusted) {
            return std::unexpected{MasterRefusal{.kind = RefusalKind::key_type_absent,
                                                 .detail = "trusted, which the manifest demands"}};
        }
        return bring_in_user_master(machine, request);
    }
    auto trusted = bring_in_trusted(machine, name, request);
    if (trusted || choice == FormChoice::trusted || !user_form_may_help(trusted.error().kind)) {
        return trusted;
    }
    falls_back(trusted.error());
    return bring_in_user_master(machine, request);
}

} // namespace sealmount
