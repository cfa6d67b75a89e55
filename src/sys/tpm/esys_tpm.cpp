// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/tpm/esys_tpm.hpp"

#include "base/error.hpp"
#include "base/format.hpp"
#include "sys/tpm/esys_capability.hpp"
#include "sys/tpm/esys_context.hpp"
#include "sys/tpm/esys_policy.hpp"
#include "sys/tpm/esys_session.hpp"
#include "sys/tpm/public_area.hpp"
#include "sys/tpm/sealed_object.hpp"
#include "sys/tpm/srk_name.hpp"

#include <algorithm>
#include <bit>

namespace sealmount {

namespace {

constexpr const char* cannot_make_srk = "cannot make the storage root key";

class EsysPolicySession final : public PolicySession {
  public:
    EsysPolicySession(const EsysContext& context, EsysHandle session) : session_(std::move(session)) {
        check_tpm(::Esys_TR_GetTpmHandle(context.get(), session_.get(), &handle_),
                  "cannot read the handle of a policy session");
    }

    [[nodiscard]] std::uint32_t handle() const override { return handle_; }

  private:
    EsysHandle session_;
    TPM2_HANDLE handle_ = 0;
};

/// Esys_TR_GetName() computes it from the public area that ESYS keeps with the handle and salts sessions
/// with (tpm2-tss, src/tss2-esys/esys_tr.c), and not from the name in the TPM's answer.
TpmName name_of(const EsysContext& context, const ESYS_TR handle) {
    EsysResult<TPM2B_NAME> name;
    check_tpm(::Esys_TR_GetName(context.get(), handle, name.out()),
              "cannot read the name of the storage root key");
    const auto bytes = std::as_bytes(std::span{name->name, name->size});
    return {bytes.begin(), bytes.end()};
}

/// As check_tpm(), for commands that the owner hierarchy authorizes.
void check_owner(const TSS2_RC rc, const std::string_view what) {
    const auto code = tpm_code(rc);
    if (code == TPM2_RC_BAD_AUTH || code == TPM2_RC_AUTH_FAIL) {
        throw Error{Reason::refused,
                    formatted("{}: the TPM's owner hierarchy has a password", what),
                    {AdviceKind::make_srk_by_hand}};
    }
    if (code == TPM2_RC_HIERARCHY) {
        throw Error{Reason::unavailable,
                    formatted("{}: the TPM's storage hierarchy is disabled", what),
                    {AdviceKind::enable_storage}};
    }
    check_tpm(rc, what);
}

/// Into the caller's structure, so that there is one copy to wipe.
void put_auth(TPM2B_AUTH& auth, const SecretBytes& pin) {
    if (pin.size() > longest_pin) {
        throw Error{Reason::internal, "the PIN is too long for a TPM"};
    }
    auth.size = static_cast<UINT16>(pin.size());
    std::ranges::copy(pin.bytes(), std::as_writable_bytes(std::span{auth.buffer}).begin());
}

using UnsealedData = EsysResult<TPM2B_SENSITIVE_DATA>;

/// What TPM2_Unseal gave, or why it gave nothing.
std::expected<SecretBytes, Refusal> unsealed(const TSS2_RC rc, const UnsealedData& data) {
    if (auto refusal = refusal_of(rc)) {
        return std::unexpected{std::move(*refusal)};
    }
    check_tpm(rc, "the TPM did not unseal");
    return SecretBytes{std::as_bytes(std::span{data->buffer, data->size})};
}

PolicySteps without_password(PolicySteps steps) {
    std::erase_if(steps, [](const PolicyStep& step) { return std::holds_alternative<PasswordStep>(step); });
    return steps;
}

class EsysTpm final : public Tpm {
  public:
    explicit EsysTpm(TctiPtr tcti) : context_(std::move(tcti)) {}

    PcrReading read_pcrs(PcrSelection selection) override;
    std::expected<TpmName, Refusal> srk_name() override;
    std::expected<TpmName, Refusal> usable_srk_name() override;
    TpmName make_srk() override;
    bool use_primary(const TpmName& expected) override;
    bool has_storage() override;
    TpmClock clock() override;
    TpmName nv_name(std::uint32_t index) override;
    std::expected<SealedObject, Refusal> seal(const TpmName& name, const SecretBytes& secret,
                                              const PolicyDigest& policy, const SecretBytes* pin) override;
    std::expected<SecretBytes, Refusal> unseal(const TpmName& name, const SealedObject& object,
                                               const PolicySteps& steps, const SecretBytes* pin) override;
    std::expected<SecretBytes, Refusal> unseal_without_policy(const SealedObject& object,
                                                              const TpmName* name) override;
    std::expected<std::unique_ptr<PolicySession>, Refusal>
    start_policy_session(const PolicySteps& steps) override;
    LockoutState lockout() override;
    TpmRoom room() override;
    unsigned drop_leftovers() override;

  private:
    std::expected<EsysHandle, Refusal> srk();
    std::expected<EsysHandle, Refusal> pinned(std::expected<EsysHandle, Refusal> key, const TpmName& name);
    EsysHandle primary();
    std::expected<EsysHandle, Refusal> load(const EsysHandle& parent, const SealedObject& object);
    void prove_pin(const EsysHandle& session, const EsysHandle& object, const SecretBytes& pin);

    EsysContext context_;
    bool uses_primary_ = false; ///< where nothing is at the SRK's handle
};

PcrReading EsysTpm::read_pcrs(const PcrSelection selection) {
    PcrReading reading;
    auto wanted = selection;
    while (wanted.mask != 0) {
        const auto asked = to_tpm(wanted);
        UINT32 counter = 0;
        EsysResult<TPML_PCR_SELECTION> given;
        EsysResult<TPML_DIGEST> digests;
        const auto rc = ::Esys_PCR_Read(context_.get(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &asked,
                                        &counter, given.out(), digests.out());
        if (blames_parameter(rc)) {
            return {}; // it does not even know the hash algorithm
        }
        check_tpm(rc, "cannot read the PCRs");
        if (wanted.mask == selection.mask) {
            reading.update_counter = counter; // the oldest: whoever compares it notices a torn reading
        }
        PcrMask got = 0;
        if (given->count > 0) {
            const auto& first = given->pcrSelections[0];
            for (unsigned octet = 0; octet < std::min<unsigned>(first.sizeofSelect, 3); ++octet) {
                got |= static_cast<PcrMask>(first.pcrSelect[octet]) << (8 * octet);
            }
        }
        got &= wanted.mask;
        if (got == 0) {
            break; // it does not keep this bank
        }
        if (digests->count != static_cast<UINT32>(std::popcount(got))) {
            throw Error{Reason::unavailable, "the TPM's answer about its PCRs makes no sense"};
        }
        unsigned index = 0;
        for (unsigned pcr = 0; pcr < pcr_count; ++pcr) {
            if ((got >> pcr & 1U) != 0) {
                const auto& digest = digests->digests[index++];
                const auto bytes = std::as_bytes(std::span{digest.buffer, digest.size});
                reading.values.emplace(pcr, std::vector<std::byte>{bytes.begin(), bytes.end()});
            }
        }
        wanted.mask &= ~got;
    }
    return reading;
}

/// The key at the SRK's handle, or the one that takes its place.
std::expected<EsysHandle, Refusal> EsysTpm::srk() {
    auto found = find_srk(context_);
    if (!found && found.error().kind == RefusalKind::srk_missing && uses_primary_) {
        return primary();
    }
    return found;
}

/// Nothing is sent under a key of another name: before a session is salted with it, it is compared.
std::expected<EsysHandle, Refusal> EsysTpm::pinned(std::expected<EsysHandle, Refusal> key,
                                                   const TpmName& name) {
    if (!key) {
        return key;
    }
    if (const TpmName found = name_of(context_, key->get()); found != name) {
        return std::unexpected{another_srk(name, found)};
    }
    return key;
}

std::expected<TpmName, Refusal> EsysTpm::srk_name() {
    const auto key = srk();
    if (!key) {
        return std::unexpected{key.error()};
    }
    return name_of(context_, key->get());
}

std::expected<TpmName, Refusal> EsysTpm::usable_srk_name() {
    const auto key = srk();
    if (!key) {
        return std::unexpected{key.error()};
    }
    EsysResult<TPM2B_PUBLIC> area;
    check_tpm(::Esys_ReadPublic(context_.get(), key->get(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                                area.out(), nullptr, nullptr),
              "cannot read the storage root key");
    TpmName name = name_of(context_, key->get());
    if (sealmount::name_of(area->publicArea) != name) {
        throw Error{Reason::unavailable, "the TPM shows another storage root key each time that it is asked"};
    }
    check_srk(area->publicArea);
    return name;
}

/// From the template, in the TPM's volatile memory until the end of the scope.
EsysHandle EsysTpm::primary() {
    const TPM2B_SENSITIVE_CREATE no_password = {};
    const auto area = srk_template();
    const TPM2B_DATA outside = {};
    const TPML_PCR_SELECTION creation_pcrs = {};
    ESYS_TR made = ESYS_TR_NONE;
    check_owner(::Esys_CreatePrimary(context_.get(), ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD, ESYS_TR_NONE,
                                     ESYS_TR_NONE, &no_password, &area, &outside, &creation_pcrs, &made,
                                     nullptr, nullptr, nullptr, nullptr),
                cannot_make_srk);
    return EsysHandle{context_, made, EsysHandle::End::flush};
}

TpmName EsysTpm::make_srk() {
    const EsysHandle transient = primary();
    ESYS_TR kept = ESYS_TR_NONE;
    check_owner(::Esys_EvictControl(context_.get(), ESYS_TR_RH_OWNER, transient.get(), ESYS_TR_PASSWORD,
                                    ESYS_TR_NONE, ESYS_TR_NONE, srk_handle, &kept),
                cannot_make_srk);
    const auto persistent = EsysHandle{context_, kept, EsysHandle::End::forget};
    return name_of(context_, kept);
}

bool EsysTpm::use_primary(const TpmName& expected) {
    try {
        const EsysHandle made = primary();
        uses_primary_ = name_of(context_, made.get()) == expected;
    } catch (const Error&) {
        return false; // why it cannot be made does not matter: it is missing
    }
    return uses_primary_;
}

bool EsysTpm::has_storage() {
    const auto properties = tpm_properties(context_, TPM2_PT_STARTUP_CLEAR, 1);
    const auto found = properties.find(TPM2_PT_STARTUP_CLEAR);
    return found == properties.end() || (found->second & TPMA_STARTUP_CLEAR_SHENABLE) != 0;
}

TpmClock EsysTpm::clock() {
    EsysResult<TPMS_TIME_INFO> info;
    check_tpm(::Esys_ReadClock(context_.get(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, info.out()),
              "cannot read the TPM's clock");
    return {.time = std::chrono::milliseconds{info->time},
            .reset_count = info->clockInfo.resetCount,
            .restart_count = info->clockInfo.restartCount};
}

TpmName EsysTpm::nv_name(const std::uint32_t index) {
    auto name = sealmount::nv_name(context_, index);
    if (!name) {
        throw Error{Reason::unavailable, with_detail(name.error())};
    }
    return std::move(*name);
}

std::expected<SealedObject, Refusal> EsysTpm::seal(const TpmName& name, const SecretBytes& secret,
                                                   const PolicyDigest& policy, const SecretBytes* const pin) {
    const auto parent = pinned(srk(), name);
    if (!parent) {
        return std::unexpected{parent.error()};
    }
    const auto session = start_salted_session(context_, TPM2_SE_HMAC, *parent, true);
    if (!session) {
        return std::unexpected{session.error()};
    }
    TPM2B_SENSITIVE_CREATE sensitive = {};
    auto& data = sensitive.sensitive.data;
    if (secret.size() > sizeof data.buffer || (pin != nullptr && pin->size() > longest_pin)) {
        throw Error{Reason::internal, "the secret or the PIN is too long for a TPM"};
    }
    data.size = static_cast<UINT16>(secret.size());
    std::ranges::copy(secret.bytes(), std::as_writable_bytes(std::span{data.buffer}).begin());
    if (pin != nullptr) {
        put_auth(sensitive.sensitive.userAuth, *pin);
    }
    const auto area = sealed_template(policy, pin != nullptr);
    const TPM2B_DATA outside = {};
    const TPML_PCR_SELECTION creation_pcrs = {};
    EsysResult<TPM2B_PRIVATE> private_area;
    EsysResult<TPM2B_PUBLIC> public_area;
    const auto rc = ::Esys_Create(context_.get(), parent->get(), session->get(), ESYS_TR_NONE, ESYS_TR_NONE,
                                  &sensitive, &area, &outside, &creation_pcrs, private_area.out(),
                                  public_area.out(), nullptr, nullptr, nullptr);
    wipe(std::as_writable_bytes(std::span{&sensitive, 1}));
    if (auto refusal = refusal_of(rc)) {
        return std::unexpected{std::move(*refusal)};
    }
    if (demands_authorization(rc)) {
        return std::unexpected{Refusal{RefusalKind::srk_locked, text_of(rc)}};
    }
    check_tpm(rc, "the TPM did not seal");
    if (!same_demands(public_area->publicArea, area.publicArea)) {
        throw Error{Reason::unavailable, "the TPM sealed to another policy than asked for"};
    }
    return to_object(*public_area, *private_area);
}

std::expected<EsysHandle, Refusal> EsysTpm::load(const EsysHandle& parent, const SealedObject& object) {
    const auto areas = from_object(object);
    if (!areas) {
        return std::unexpected{Refusal{RefusalKind::object_rejected, "not TPM structures"}};
    }
    const auto session = start_salted_session(context_, TPM2_SE_HMAC, parent, true);
    if (!session) {
        return std::unexpected{session.error()};
    }
    ESYS_TR loaded = ESYS_TR_NONE;
    const auto rc = ::Esys_Load(context_.get(), parent.get(), session->get(), ESYS_TR_NONE, ESYS_TR_NONE,
                                &areas->private_area, &areas->public_area, &loaded);
    if (auto refusal = refusal_of(rc)) {
        return std::unexpected{std::move(*refusal)};
    }
    if (demands_authorization(rc)) {
        return std::unexpected{Refusal{RefusalKind::srk_locked, text_of(rc)}};
    }
    // The parameters of TPM2_Load are the object; the sensitive area's own errors name no parameter. A
    // structure that ESYS itself cannot send is rejected as well.
    const auto code = tpm_code(rc);
    if (blames_parameter(rc) || code == TPM2_RC_INTEGRITY || code == TPM2_RC_SENSITIVE ||
        code == TPM2_RC_BINDING) {
        return std::unexpected{Refusal{RefusalKind::object_rejected, text_of(rc)}};
    }
    check_tpm(rc, "cannot load the sealed object");
    return EsysHandle{context_, loaded, EsysHandle::End::flush};
}

std::expected<SecretBytes, Refusal> EsysTpm::unseal(const TpmName& name, const SealedObject& object,
                                                    const PolicySteps& steps, const SecretBytes* const pin) {
    const auto parent = pinned(srk(), name);
    if (!parent) {
        return std::unexpected{parent.error()};
    }
    const auto loaded = load(*parent, object);
    if (!loaded) {
        return std::unexpected{loaded.error()};
    }
    // As late as possible: any PCR that changes after PolicyPCR makes the session useless.
    const auto session = start_salted_session(context_, TPM2_SE_POLICY, *parent, false);
    if (!session) {
        return std::unexpected{session.error()};
    }
    if (auto followed = follow(context_, *session, without_password(steps)); !followed) {
        return std::unexpected{std::move(followed.error())};
    }
    if (pin != nullptr) {
        prove_pin(*session, *loaded, *pin);
    }
    UnsealedData data;
    const auto rc =
        ::Esys_Unseal(context_.get(), loaded->get(), session->get(), ESYS_TR_NONE, ESYS_TR_NONE, data.out());
    if (pin != nullptr) {
        // ESYS keeps its own copy with the object, and frees it unwiped.
        const TPM2B_AUTH zeros = {.size = longest_pin, .buffer = {}};
        static_cast<void>(::Esys_TR_SetAuth(context_.get(), loaded->get(), &zeros));
    }
    if (const auto code = tpm_code(rc); code == TPM2_RC_AUTH_FAIL || code == TPM2_RC_BAD_AUTH) {
        return std::unexpected{Refusal{RefusalKind::pin_wrong, {}}};
    }
    return unsealed(rc, data);
}

std::expected<SecretBytes, Refusal> EsysTpm::unseal_without_policy(const SealedObject& object,
                                                                   const TpmName* const name) {
    auto found = find_parent(context_, object.parent);
    const auto parent = name == nullptr ? std::move(found) : pinned(std::move(found), *name);
    if (!parent) {
        return std::unexpected{parent.error()};
    }
    const auto loaded = load(*parent, object);
    if (!loaded) {
        return std::unexpected{loaded.error()};
    }
    const auto session = start_salted_session(context_, TPM2_SE_HMAC, *parent, false);
    if (!session) {
        return std::unexpected{session.error()};
    }
    UnsealedData data;
    const auto rc =
        ::Esys_Unseal(context_.get(), loaded->get(), session->get(), ESYS_TR_NONE, ESYS_TR_NONE, data.out());
    const auto code = tpm_code(rc);
    if (code == TPM2_RC_AUTH_FAIL || code == TPM2_RC_BAD_AUTH || code == TPM2_RC_AUTH_UNAVAILABLE) {
        return std::unexpected{Refusal{RefusalKind::policy_mismatch, text_of(rc)}};
    }
    return unsealed(rc, data);
}

/// Not with TPM2_PolicyPassword, which would send the PIN in the clear: TPM2_PolicyAuthValue makes the same
/// policy digest (TPM 2.0 Part 3, 23.17 and 23.18), and the PIN goes into the session's HMAC.
void EsysTpm::prove_pin(const EsysHandle& session, const EsysHandle& object, const SecretBytes& pin) {
    check_tpm(::Esys_PolicyAuthValue(context_.get(), session.get(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE),
              "cannot ask a session for a PIN");
    TPM2B_AUTH auth = {};
    put_auth(auth, pin);
    const auto rc = ::Esys_TR_SetAuth(context_.get(), object.get(), &auth);
    wipe(std::as_writable_bytes(std::span{&auth, 1}));
    check_tpm(rc, "cannot pass a PIN on");
}

std::expected<std::unique_ptr<PolicySession>, Refusal>
EsysTpm::start_policy_session(const PolicySteps& steps) {
    auto session = start_plain_policy_session(context_);
    if (!session) {
        return std::unexpected{session.error()};
    }
    if (auto followed = follow(context_, *session, steps); !followed) {
        return std::unexpected{std::move(followed.error())};
    }
    return std::make_unique<EsysPolicySession>(context_, std::move(*session));
}

LockoutState EsysTpm::lockout() {
    const auto properties =
        tpm_properties(context_, TPM2_PT_PERMANENT, TPM2_PT_LOCKOUT_INTERVAL - TPM2_PT_PERMANENT + 1);
    const auto value = [&](const TPM2_PT property) {
        const auto found = properties.find(property);
        return found != properties.end() ? found->second : 0;
    };
    return {.locked = (value(TPM2_PT_PERMANENT) & TPMA_PERMANENT_INLOCKOUT) != 0,
            .failed_tries = value(TPM2_PT_LOCKOUT_COUNTER),
            .allowed_tries = value(TPM2_PT_MAX_AUTH_FAIL),
            .recovery_seconds = value(TPM2_PT_LOCKOUT_INTERVAL)};
}

TpmRoom EsysTpm::room() {
    const auto properties = tpm_properties(context_, TPM2_PT_HR_LOADED, 1);
    const auto loaded = properties.find(TPM2_PT_HR_LOADED);
    return {.objects = static_cast<std::uint32_t>(tpm_handles(context_, TPM2_TRANSIENT_FIRST).size()),
            .loaded_sessions = loaded != properties.end() ? loaded->second : 0};
}

unsigned EsysTpm::drop_leftovers() {
    unsigned dropped = 0;
    for (const auto kind : {TPM2_TRANSIENT_FIRST, TPM2_LOADED_SESSION_FIRST}) {
        for (const TPM2_HANDLE handle : tpm_handles(context_, kind)) {
            flush_handle(context_, handle);
            ++dropped;
        }
    }
    return dropped;
}

} // namespace

std::unique_ptr<Tpm> esys_tpm(TctiPtr tcti) {
    return std::make_unique<EsysTpm>(std::move(tcti));
}

} // namespace sealmount
