// Has this boot, computed from its own files, measured what the firmware logged? Only where it has, the same
// computation's word on the next boot is worth something.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/reproduction/booted_grub.hpp"
#include "core/volume/paths.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace sealmount {

struct GrubProof {
    /// Of PCR 4 (of GRUB's part), 8 and 9: "" when all events were computed as they are in the log; else a
    /// clause that names the first that was not.
    std::map<unsigned, std::string> differences;
    GrubDisks disks; ///< as this boot's log shows them
    /// What only this boot could show of the machine: whether GRUB can draw on its screen, and the firmware's
    /// setup be entered.
    std::optional<bool> graphics;
    bool setup_supported = true;
    std::string signers; ///< marks the certificates of this boot's kernel; "" when they are not known

    [[nodiscard]] bool holds(unsigned pcr) const;

    bool operator==(const GrubProof&) const = default;
};

/// Computes this boot again, from the files as they are now: to be asked before they change. `bank` is one of
/// the log's.
[[nodiscard]] GrubProof prove_grub(const EventLog& log, PcrBank bank, const BootedGrub& grub);

/// The text of the record of a proof, and back; `boot` is the kernel's name for this boot. Nothing when the
/// record is of another boot or version of this program, or is damaged.
[[nodiscard]] std::string to_record(const GrubProof& proof, std::string_view boot);
[[nodiscard]] std::optional<GrubProof> from_record(std::string_view text, std::string_view boot);

/// /run/sealmount/grub.json: nothing when there is none for this boot.
[[nodiscard]] std::optional<GrubProof> recorded_proof(const Paths& paths);
/// Throws Error as write_file_atomically() does.
void record_proof(const Paths& paths, const GrubProof& proof);

} // namespace sealmount
