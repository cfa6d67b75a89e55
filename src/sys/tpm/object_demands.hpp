// What the public area of a sealed object demands of whoever uses it, without a TPM.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "sys/tpm/tpm.hpp"

#include <cstdint>
#include <optional>

namespace sealmount {

/// Of TPMA_OBJECT (TPM 2.0 Part 2, 8.3).
inline constexpr std::uint32_t user_with_auth = 1U << 6;
inline constexpr std::uint32_t admin_with_policy = 1U << 7;

struct ObjectDemands {
    std::uint32_t attributes = 0;
    PolicyDigest policy{}; ///< authPolicy

    /// Can nobody use the object but through its policy: no authorization value opens it (userWithAuth)?
    [[nodiscard]] bool only_by_policy() const { return (attributes & user_with_auth) == 0; }
    /// Can nobody try its authorization value past its policy either: TPM2_ObjectChangeAuth and TPM2_Certify
    /// demand the ADMIN role (Part 1, 19.2.3)? Objects that were sealed up to 0.1.0 lack this.
    [[nodiscard]] bool hides_pin() const { return (attributes & admin_with_policy) != 0; }
};

/// Nothing unless this is the TPM2B_PUBLIC of a KEYEDHASH object with nameAlg SHA-256 and a policy.
[[nodiscard]] std::optional<ObjectDemands> demands_of(const SealedObject& object);

} // namespace sealmount
