// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/tpm/nv_index.hpp"

#include <tss2/tss2_mu.h>

#include <array>

namespace sealmount {

std::optional<NvIndex> nv_index_from(const BytesView nv_public) {
    TPM2B_NV_PUBLIC area = {};
    std::size_t offset = 0;
    if (nv_public.empty() ||
        ::Tss2_MU_TPM2B_NV_PUBLIC_Unmarshal(reinterpret_cast<const std::uint8_t*>(nv_public.data()),
                                            nv_public.size(), &offset, &area) != TSS2_RC_SUCCESS ||
        offset != nv_public.size() || area.nvPublic.nameAlg != TPM2_ALG_SHA256) {
        return std::nullopt;
    }
    area.nvPublic.attributes |= TPMA_NV_WRITTEN;
    std::array<std::uint8_t, sizeof(TPMS_NV_PUBLIC)> marshalled{};
    std::size_t size = 0;
    if (::Tss2_MU_TPMS_NV_PUBLIC_Marshal(&area.nvPublic, marshalled.data(), marshalled.size(), &size) !=
        TSS2_RC_SUCCESS) {
        return std::nullopt;
    }
    NvIndex result{.index = area.nvPublic.nvIndex, .written_name = {std::byte{0x00}, std::byte{0x0b}}};
    const auto digest = sha256({std::as_bytes(std::span{marshalled.data(), size})});
    result.written_name.insert(result.written_name.end(), digest.begin(), digest.end());
    return result;
}

} // namespace sealmount
