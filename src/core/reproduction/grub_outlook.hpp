// The next boot through GRUB, for each state of grubenv that it may find: computed from the files as they are
// now, where the same computation has reproduced this boot.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/prediction/next_boot.hpp"
#include "core/reproduction/grub_proof.hpp"

#include <string>
#include <vector>

namespace sealmount {

struct GrubOutlook {
    std::string origin{}; ///< as GrubState::origin
    GrubForecast forecast{};
};

/// The state of now first. At least one: where nothing is known, all its PCRs say why. `bank` is one of the
/// log's.
[[nodiscard]] std::vector<GrubOutlook> grub_outlooks(const BootedGrub& grub, const GrubProof& proof,
                                                     const EventLog& log, PcrBank bank);

/// The one outlook where nothing is known.
[[nodiscard]] GrubOutlook nothing_known(const Problem& why);

/// A proof from the files as they are now, or why there is none.
[[nodiscard]] std::expected<GrubProof, Problem> proof_now(const Paths& paths, const EventLog& log,
                                                          PcrBank bank);

/// SHA-256 where the log has it; a proof in one bank is one in all: what is hashed is the same.
[[nodiscard]] PcrBank proof_bank(const EventLog& log);

/// All together, for this machine: the record of this boot, or where there is none, a proof from the files as
/// they are now, which is recorded when it holds and `may_record`. Throws Error for what the log or the
/// record cannot be read for.
[[nodiscard]] std::vector<GrubOutlook> grub_outlooks(const Paths& paths, const EventLog& log, PcrBank bank,
                                                     bool may_record);

} // namespace sealmount
