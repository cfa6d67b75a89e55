// One unseal in userspace, for kernels without trusted keys: one ESYS context, one session, which is salted
// with the storage root key and encrypts the answer. With what PCR_Read has cost before, six TPM commands:
// ReadPublic, Load, StartAuthSession, PolicyPCR, Unseal.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "base/secret_bytes.hpp"
#include "base/unique_fd.hpp"
#include "sys/tpm/pcr.hpp"

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

namespace sealmount {

/// Both areas are whole TPM2B structures.
struct UserSeal {
    std::string_view srk_name; ///< the name that the storage root key must have, in lower-case hex
    std::span<const std::byte> public_area;
    std::span<const std::byte> private_area;
    PcrSelection selection;
};

/// What is sealed to the present values of the PCRs. `device` is /dev/tpmrm0, whose closing removes what is
/// left in the TPM. Nothing when anything fails, or when the SRK has another name: it is looked at before it
/// salts the session.
[[nodiscard]] std::optional<SecretBytes> unseal_in_one_session(UniqueFd device, const UserSeal& seal);

} // namespace sealmount
