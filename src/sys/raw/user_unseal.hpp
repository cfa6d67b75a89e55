// One unseal in userspace, for kernels without trusted keys: one session, which is salted with the storage
// root key and encrypts the answer. With the PCR_Read before it, six TPM commands: ReadPublic, Load,
// StartAuthSession, PolicyPCR, Unseal.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "base/secret_bytes.hpp"
#include "sys/raw/raw_tpm.hpp"
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

/// What is sealed to the present values of the PCRs, 32 to 128 bytes. `tpm` is /dev/tpmrm0: closing it
/// removes what is left in the TPM. Nothing when anything fails; when the SRK is not the one of that name,
/// which is reckoned from the key itself before it salts a session, or not an ECC key on P-256; and when the
/// answer was not authenticated by the TPM.
[[nodiscard]] std::optional<SecretBytes> unseal_in_one_session(RawTpm& tpm, const UserSeal& seal);

} // namespace sealmount
