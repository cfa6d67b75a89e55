// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/raw/user_unseal.hpp"

#include "base/hex.hpp"
#include "sys/tpm/device_tcti.hpp"

#include <tss2/tss2_esys.h>
#include <tss2/tss2_mu.h>

#include <cstdint>
#include <cstdlib>
#include <memory>

namespace sealmount {

namespace {

constexpr TPM2_HANDLE srk_of_boot = 0x81000001;

struct EsysFinalizer {
    void operator()(ESYS_CONTEXT* context) const noexcept { ::Esys_Finalize(&context); }
};
struct EsysDeleter {
    void operator()(void* const result) const noexcept { ::Esys_Free(result); }
};

template<typename T, typename Unmarshal>
bool unmarshal_all(const std::span<const std::byte> bytes, T& value, const Unmarshal unmarshal) {
    std::size_t offset = 0;
    return unmarshal(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size(), &offset, &value) ==
               TSS2_RC_SUCCESS &&
           offset == bytes.size();
}

/// The calls, in their order. Each is false when it fails; what is in the TPM then goes with the connection.
class OneSession {
  public:
    explicit OneSession(ESYS_CONTEXT* const context) noexcept : context_(context) {}

    [[nodiscard]] bool find_srk(const std::string_view name) {
        if (::Esys_TR_FromTPMPublic(context_, srk_of_boot, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &srk_) !=
            TSS2_RC_SUCCESS) {
            return false;
        }
        TPM2B_NAME* result = nullptr;
        if (::Esys_TR_GetName(context_, srk_, &result) != TSS2_RC_SUCCESS) {
            return false;
        }
        const std::unique_ptr<TPM2B_NAME, EsysDeleter> found{result};
        return to_hex(std::as_bytes(std::span{found->name, found->size})) == name;
    }

    [[nodiscard]] bool load(const UserSeal& seal) {
        TPM2B_PUBLIC public_area = {};
        TPM2B_PRIVATE private_area = {};
        return unmarshal_all(seal.public_area, public_area, &::Tss2_MU_TPM2B_PUBLIC_Unmarshal) &&
               unmarshal_all(seal.private_area, private_area, &::Tss2_MU_TPM2B_PRIVATE_Unmarshal) &&
               ::Esys_Load(context_, srk_, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &private_area,
                           &public_area, &object_) == TSS2_RC_SUCCESS;
    }

    [[nodiscard]] bool start(const PcrSelection selection) {
        constexpr TPMT_SYM_DEF aes = {
            .algorithm = TPM2_ALG_AES, .keyBits = {.aes = 128}, .mode = {.aes = TPM2_ALG_CFB}};
        const TPM2B_DIGEST present_values = {};
        TPML_PCR_SELECTION pcrs = {};
        pcrs.count = 1;
        pcrs.pcrSelections[0].hash = static_cast<TPMI_ALG_HASH>(selection.bank);
        pcrs.pcrSelections[0].sizeofSelect = 3;
        for (unsigned octet = 0; octet < 3; ++octet) {
            pcrs.pcrSelections[0].pcrSelect[octet] = static_cast<BYTE>(selection.mask >> (8 * octet) & 0xffU);
        }
        // Encrypted is what the TPM answers. The session is not continued: it ends with the unseal.
        return ::Esys_StartAuthSession(context_, srk_, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                                       nullptr, TPM2_SE_POLICY, &aes, TPM2_ALG_SHA256,
                                       &session_) == TSS2_RC_SUCCESS &&
               ::Esys_TRSess_SetAttributes(context_, session_, TPMA_SESSION_ENCRYPT, 0xff) ==
                   TSS2_RC_SUCCESS &&
               ::Esys_PolicyPCR(context_, session_, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &present_values,
                                &pcrs) == TSS2_RC_SUCCESS;
    }

    [[nodiscard]] std::optional<SecretBytes> unseal() {
        TPM2B_SENSITIVE_DATA* result = nullptr;
        if (::Esys_Unseal(context_, object_, session_, ESYS_TR_NONE, ESYS_TR_NONE, &result) !=
            TSS2_RC_SUCCESS) {
            return std::nullopt;
        }
        const std::unique_ptr<TPM2B_SENSITIVE_DATA, EsysDeleter> data{result};
        SecretBytes secret{std::as_bytes(std::span{data->buffer, data->size})};
        wipe(std::as_writable_bytes(std::span{data.get(), 1}));
        return secret;
    }

  private:
    ESYS_CONTEXT* context_;
    ESYS_TR srk_ = ESYS_TR_NONE;
    ESYS_TR object_ = ESYS_TR_NONE;
    ESYS_TR session_ = ESYS_TR_NONE;
};

} // namespace

std::optional<SecretBytes> unseal_in_one_session(UniqueFd device, const UserSeal& seal) {
    ::setenv("TSS2_LOG", "all+NONE", 0); // whoever explains the failure says more
    const TctiPtr tcti = device_tcti(std::move(device));
    ESYS_CONTEXT* made = nullptr;
    if (::Esys_Initialize(&made, tcti.get(), nullptr) != TSS2_RC_SUCCESS) {
        return std::nullopt;
    }
    const std::unique_ptr<ESYS_CONTEXT, EsysFinalizer> context{made};
    OneSession session{context.get()};
    // The session comes last: any PCR that changes after PolicyPCR makes it useless.
    if (!session.find_srk(seal.srk_name) || !session.load(seal) || !session.start(seal.selection)) {
        return std::nullopt;
    }
    return session.unseal();
}

} // namespace sealmount
