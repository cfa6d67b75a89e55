// Policy steps: what a policy session is led through, one TPM command or a few each, in order.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "sys/tpm/pcr.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <variant>
#include <vector>

namespace sealmount {

/// A policy digest; sealed objects of ours have nameAlg SHA-256.
using PolicyDigest = std::array<std::byte, 32>;

/// TPM2_PolicyPCR over the present values (TPM 2.0 Part 3, 23.7).
struct PcrStep {
    PcrSelection selection;

    bool operator==(const PcrStep&) const = default;
};

/// TPM2_PolicyOR: the session's digest must be one of two to eight (23.6).
struct OrStep {
    std::vector<PolicyDigest> branches;

    bool operator==(const OrStep&) const = default;
};

/// TPM2_PolicyAuthorize: the session's digest must be one that the owner of a key has signed (23.16), with an
/// empty policyRef. RSASSA (PKCS #1 v1.5) or ECDSA over SHA-256 of the approved digest.
struct AuthorizeStep {
    std::vector<std::byte> public_key; ///< SubjectPublicKeyInfo, DER
    PolicyDigest approved;
    std::vector<std::byte> signature; ///< RSA: the number; ECDSA: the DER sequence of r and s

    bool operator==(const AuthorizeStep&) const = default;
};

/// TPM2_PolicyAuthorizeNV: the session's digest must be the one that the NV index holds (23.22). The index
/// has OWNERREAD, and the owner hierarchy an empty password.
struct AuthorizeNvStep {
    std::uint32_t nv_index = 0;

    bool operator==(const AuthorizeNvStep&) const = default;
};

/// What TPM2_PolicyCounterTimer does with the bytes it compares; the value is the TPM_EO (Part 2, 6.8).
enum class Comparison : std::uint16_t {
    equal = 0x0000,
    unsigned_less = 0x0005,
    unsigned_less_or_equal = 0x0009
};

/// TPM2_PolicyCounterTimer: bytes of the TPM's TPMS_TIME_INFO (Part 2, 10.11.1) compared with ours (23.10).
struct CounterStep {
    std::uint16_t offset = 0;       ///< into the marshalled structure
    std::vector<std::byte> operand; ///< big endian, as many bytes as are compared
    Comparison comparison = Comparison::equal;

    bool operator==(const CounterStep&) const = default;
};

/// Offsets into TPMS_TIME_INFO: milliseconds since power-on (8 bytes), TPM resets (4) and restarts (4).
inline constexpr std::uint16_t time_offset = 0;
inline constexpr std::uint16_t reset_count_offset = 16;
inline constexpr std::uint16_t restart_count_offset = 20;

/// TPM2_PolicyPassword: the object's authorization value is given as well, in the clear (23.17 and 23.18).
struct PasswordStep {
    bool operator==(const PasswordStep&) const = default;
};

using PolicyStep = std::variant<PcrStep, OrStep, AuthorizeStep, AuthorizeNvStep, CounterStep, PasswordStep>;
using PolicySteps = std::vector<PolicyStep>;

} // namespace sealmount
