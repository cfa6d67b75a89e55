// systemd-pcrlock's policy file (pcrlock.json): which PCR values are allowed, and which NV index holds the
// policy that they make.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "sys/crypto/crypto.hpp"
#include "sys/tpm/nv_index.hpp"
#include "sys/tpm/pcr.hpp"
#include "sys/tpm/policy_step.hpp"

#include <cstddef>
#include <expected>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace sealmount {

/// What we need of the file (systemd: src/shared/tpm2-util.c, tpm2_pcrlock_policy_load).
struct PcrlockFile {
    PcrBank bank = PcrBank::sha256;
    /// For each PCR, one to eight different values, in the file's order.
    std::map<unsigned, std::vector<Bytes>> allowed;
    NvIndex nv;

    [[nodiscard]] PcrSelection selection() const noexcept;
};

/// A PCR whose present value is none of those allowed; all in hex.
struct PcrlockMismatch {
    unsigned pcr = 0;
    std::string found; ///< "" when the PCR was not read
    std::vector<std::string> allowed;

    bool operator==(const PcrlockMismatch&) const = default;
};

/// Reads the file; members that are not needed here are ignored. Throws Error{config}, beginning with the
/// place, for one that does not have this form, that names no PCR (any state would satisfy it), or whose
/// number and public area name different NV indices.
[[nodiscard]] PcrlockFile read_pcrlock(std::string_view text);

/// The digest that the allowed values make, in whichever of the allowed states: what the NV index holds while
/// the file is up to date.
[[nodiscard]] PolicyDigest pcrlock_digest(const PcrlockFile& file);

/// The steps in their order (systemd: tpm2_policy_super_pcr): TPM2_PolicyPCR over all PCRs that have one
/// value; for each other one, ascending, TPM2_PolicyPCR and a choice of its values; then
/// TPM2_PolicyAuthorizeNV. `present` are the values of `selection()`. Or all PCRs that do not hold an allowed
/// value, ascending.
[[nodiscard]] std::expected<PolicySteps, std::vector<PcrlockMismatch>>
pcrlock_steps(const PcrlockFile& file, const PcrValues& present);

} // namespace sealmount
