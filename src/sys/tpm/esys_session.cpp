// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/tpm/esys_session.hpp"

#include "base/error.hpp"

namespace sealmount {

namespace {

constexpr TPMT_SYM_DEF no_encryption = {.algorithm = TPM2_ALG_NULL, .keyBits = {}, .mode = {}};
constexpr TPMT_SYM_DEF aes_128_cfb = {
    .algorithm = TPM2_ALG_AES, .keyBits = {.aes = 128}, .mode = {.aes = TPM2_ALG_CFB}};

constexpr TPMA_OBJECT srk_attributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
                                       TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_USERWITHAUTH |
                                       TPMA_OBJECT_NODA | TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT;

} // namespace

TPML_PCR_SELECTION to_tpm(const PcrSelection selection) noexcept {
    TPML_PCR_SELECTION list = {};
    list.count = 1;
    auto& first = list.pcrSelections[0];
    first.hash = static_cast<TPMI_ALG_HASH>(selection.bank);
    first.sizeofSelect = 3;
    for (unsigned octet = 0; octet < first.sizeofSelect; ++octet) {
        first.pcrSelect[octet] = static_cast<BYTE>(selection.mask >> (8 * octet));
    }
    return list;
}

std::expected<EsysHandle, Refusal> start_plain_policy_session(EsysContext& context) {
    ESYS_TR session = ESYS_TR_NONE;
    const auto rc = ::Esys_StartAuthSession(context.get(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                                            ESYS_TR_NONE, ESYS_TR_NONE, nullptr, TPM2_SE_POLICY,
                                            &no_encryption, TPM2_ALG_SHA256, &session);
    if (auto refusal = refusal_of(rc)) {
        return std::unexpected{std::move(*refusal)};
    }
    check_tpm(rc, "cannot start a policy session");
    return EsysHandle{context, session, EsysHandle::End::flush};
}

std::expected<EsysHandle, Refusal> start_salted_session(EsysContext& context, const TPM2_SE type,
                                                        const EsysHandle& key, const bool commands) {
    ESYS_TR session = ESYS_TR_NONE;
    const auto rc =
        ::Esys_StartAuthSession(context.get(), key.get(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                                ESYS_TR_NONE, nullptr, type, &aes_128_cfb, TPM2_ALG_SHA256, &session);
    if (auto refusal = refusal_of(rc)) {
        return std::unexpected{std::move(*refusal)};
    }
    check_tpm(rc, "cannot start an encrypting session");
    auto owner = EsysHandle{context, session, EsysHandle::End::flush};
    // The names are the TPM's view: it decrypts commands and encrypts responses.
    const auto attributes = static_cast<TPMA_SESSION>(TPMA_SESSION_CONTINUESESSION | TPMA_SESSION_ENCRYPT |
                                                      (commands ? TPMA_SESSION_DECRYPT : 0));
    check_tpm(::Esys_TRSess_SetAttributes(context.get(), session, attributes, 0xff),
              "cannot make a session encrypt");
    return owner;
}

bool demands_authorization(const TSS2_RC rc) noexcept {
    const auto code = tpm_code(rc);
    return code == TPM2_RC_BAD_AUTH || code == TPM2_RC_AUTH_FAIL || code == TPM2_RC_AUTH_UNAVAILABLE;
}

std::expected<EsysHandle, Refusal> find_srk(EsysContext& context) {
    return find_parent(context, srk_handle);
}

std::expected<EsysHandle, Refusal> find_parent(EsysContext& context, const std::uint32_t handle) {
    ESYS_TR key = ESYS_TR_NONE;
    const auto rc =
        ::Esys_TR_FromTPMPublic(context.get(), handle, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &key);
    if (tpm_code(rc) == TPM2_RC_HANDLE) {
        return std::unexpected{Refusal{RefusalKind::srk_missing, {}}};
    }
    if (auto refusal = refusal_of(rc)) {
        return std::unexpected{std::move(*refusal)};
    }
    check_tpm(rc, "cannot read the persistent key that the object is sealed under");
    return EsysHandle{context, key, EsysHandle::End::forget};
}

void check_srk(const TPMT_PUBLIC& key) {
    constexpr TPMA_OBJECT needed = TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT | TPMA_OBJECT_FIXEDTPM |
                                   TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_NODA;
    const bool storage = (key.type == TPM2_ALG_ECC || key.type == TPM2_ALG_RSA) &&
                         (key.objectAttributes & (needed | TPMA_OBJECT_SIGN_ENCRYPT)) == needed;
    if (!storage) {
        throw Error{Reason::unavailable,
                    "the TPM's handle 0x81000001 holds a key that is not a storage root key"};
    }
    if ((key.objectAttributes & TPMA_OBJECT_USERWITHAUTH) == 0) {
        throw Error{Reason::unavailable,
                    "the storage root key at the TPM's handle 0x81000001 can be used only under a policy",
                    {AdviceKind::evict_locked_srk}};
    }
}

TPM2B_PUBLIC srk_template() noexcept {
    TPM2B_PUBLIC result = {};
    auto& area = result.publicArea;
    area.type = TPM2_ALG_ECC;
    area.nameAlg = TPM2_ALG_SHA256;
    area.objectAttributes = srk_attributes;
    auto& ecc = area.parameters.eccDetail;
    ecc.symmetric = {.algorithm = TPM2_ALG_AES, .keyBits = {.aes = 128}, .mode = {.aes = TPM2_ALG_CFB}};
    ecc.scheme.scheme = TPM2_ALG_NULL;
    ecc.curveID = TPM2_ECC_NIST_P256;
    ecc.kdf.scheme = TPM2_ALG_NULL;
    return result;
}

} // namespace sealmount
