// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/tpm/sealed_object.hpp"

#include "sys/tpm/esys_context.hpp"

#include <tss2/tss2_mu.h>

#include <algorithm>

namespace sealmount {

namespace {

/// `marshal` is one of the Tss2_MU_*_Marshal functions.
template<typename T, typename Marshal>
std::vector<std::byte> marshalled(const T& value, const Marshal marshal) {
    auto bytes = std::vector<std::byte>(sizeof(T) + sizeof(UINT16));
    std::size_t size = 0;
    check_tpm(marshal(&value, reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size(), &size),
              "cannot marshal what the TPM sealed");
    bytes.resize(size);
    return bytes;
}

template<typename T, typename Unmarshal>
bool unmarshal_whole(const std::vector<std::byte>& bytes, T& value, const Unmarshal unmarshal) {
    std::size_t offset = 0;
    return unmarshal(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size(), &offset, &value) ==
               TSS2_RC_SUCCESS &&
           offset == bytes.size();
}

} // namespace

TPM2B_PUBLIC sealed_template(const PolicyDigest& policy, const bool has_pin) noexcept {
    TPM2B_PUBLIC result = {};
    auto& area = result.publicArea;
    area.type = TPM2_ALG_KEYEDHASH;
    area.nameAlg = TPM2_ALG_SHA256;
    area.objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_ADMINWITHPOLICY |
                            (has_pin ? 0 : TPMA_OBJECT_NODA);
    area.authPolicy.size = static_cast<UINT16>(policy.size());
    std::ranges::copy(std::as_bytes(std::span{policy}),
                      std::as_writable_bytes(std::span{area.authPolicy.buffer}).begin());
    area.parameters.keyedHashDetail.scheme.scheme = TPM2_ALG_NULL;
    return result;
}

bool same_demands(const TPMT_PUBLIC& made, const TPMT_PUBLIC& asked) noexcept {
    const auto policy_of = [](const TPMT_PUBLIC& area) {
        return std::span{area.authPolicy.buffer,
                         std::min<std::size_t>(area.authPolicy.size, sizeof(TPMU_HA))};
    };
    return made.type == asked.type && made.nameAlg == asked.nameAlg &&
           made.objectAttributes == asked.objectAttributes &&
           std::ranges::equal(policy_of(made), policy_of(asked));
}

SealedObject to_object(const TPM2B_PUBLIC& public_area, const TPM2B_PRIVATE& private_area) {
    return {.parent = srk_handle,
            .public_area = marshalled(public_area, &::Tss2_MU_TPM2B_PUBLIC_Marshal),
            .private_area = marshalled(private_area, &::Tss2_MU_TPM2B_PRIVATE_Marshal)};
}

std::optional<SealedAreas> from_object(const SealedObject& object) {
    SealedAreas areas = {};
    if (!unmarshal_whole(object.public_area, areas.public_area, &::Tss2_MU_TPM2B_PUBLIC_Unmarshal) ||
        !unmarshal_whole(object.private_area, areas.private_area, &::Tss2_MU_TPM2B_PRIVATE_Unmarshal)) {
        return std::nullopt;
    }
    return areas;
}

} // namespace sealmount
