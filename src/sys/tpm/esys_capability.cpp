// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/tpm/esys_capability.hpp"

#include <tss2/tss2_mu.h>
#include <tss2/tss2_tcti.h>

#include <array>

namespace sealmount {

namespace {

constexpr std::uint32_t most_handles = 254; // TPM2_MAX_CAP_HANDLES

} // namespace

std::map<TPM2_PT, std::uint32_t> tpm_properties(EsysContext& context, const TPM2_PT first,
                                                const std::uint32_t count) {
    EsysResult<TPMS_CAPABILITY_DATA> capability;
    check_tpm(::Esys_GetCapability(context.get(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                                   TPM2_CAP_TPM_PROPERTIES, first, count, nullptr, capability.out()),
              "cannot read the TPM's properties");
    std::map<TPM2_PT, std::uint32_t> properties;
    const auto& list = capability->data.tpmProperties;
    for (const auto& property : std::span{list.tpmProperty, list.count}) {
        properties.emplace(property.property, property.value);
    }
    return properties;
}

std::vector<TPM2_HANDLE> tpm_handles(EsysContext& context, const TPM2_HANDLE first) {
    EsysResult<TPMS_CAPABILITY_DATA> capability;
    check_tpm(::Esys_GetCapability(context.get(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, TPM2_CAP_HANDLES,
                                   first, most_handles, nullptr, capability.out()),
              "cannot list what is in the TPM");
    const auto& list = capability->data.handles;
    return {list.handle, list.handle + list.count};
}

void flush_handle(EsysContext& context, const TPM2_HANDLE handle) {
    // ESYS flushes only what it has an ESYS_TR for, and makes none of another's session.
    constexpr std::uint32_t size = 14;
    std::array<std::uint8_t, size> command = {};
    std::size_t offset = 0;
    for (const auto rc :
         {::Tss2_MU_UINT16_Marshal(TPM2_ST_NO_SESSIONS, command.data(), command.size(), &offset),
          ::Tss2_MU_UINT32_Marshal(size, command.data(), command.size(), &offset),
          ::Tss2_MU_UINT32_Marshal(TPM2_CC_FlushContext, command.data(), command.size(), &offset),
          ::Tss2_MU_UINT32_Marshal(handle, command.data(), command.size(), &offset)}) {
        check_tpm(rc, "cannot write a command to the TPM");
    }
    constexpr auto what = "cannot flush what others left in the TPM";
    TSS2_TCTI_CONTEXT* tcti = nullptr;
    check_tpm(::Esys_GetTcti(context.get(), &tcti), what);
    check_tpm(Tss2_Tcti_Transmit(tcti, command.size(), command.data()), what);
    std::array<std::uint8_t, 4096> response = {};
    std::size_t got = response.size();
    check_tpm(Tss2_Tcti_Receive(tcti, &got, response.data(), TSS2_TCTI_TIMEOUT_BLOCK), what);
    constexpr std::size_t code_offset = 6; // tag, size, response code
    offset = code_offset;
    UINT32 code = 0;
    check_tpm(::Tss2_MU_UINT32_Unmarshal(response.data(), got, &offset, &code), what);
    if (tpm_code(code) != TPM2_RC_HANDLE) {
        check_tpm(code, what);
    }
}

} // namespace sealmount
