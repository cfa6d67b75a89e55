// The master key of an enrollment: a new one, or one that is there and opens.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/ecryptfs/passphrase.hpp"
#include "core/enroll/enroll.hpp"

#include <string_view>
#include <vector>

namespace sealmount {

struct EnrolledMaster {
    MasterFile file;
    SecretBytes key;
    bool is_new = false;
    bool new_srk = false;
    std::optional<TrustedSrk> srk{};         ///< of a new one
    std::optional<unsigned> recovery_slot{}; ///< new
    std::string on_disk{};                   ///< the text of its file, "" where there is none

    /// Its file was written: from now on it is one that was there.
    void note_written();
};

/// Unseals the master key that the request names, if it proves its file, and the keys of other volumes under
/// it, or those of this one (`keys`), prove it; a store of version 1 is brought up to date. A new one is
/// sealed where there is none; and also in place of one that no volume of the manifest refers to, unless a
/// key of this volume proves that one: a killed enrollment left it, or somebody put it there who knows it.
/// Nobody can have seen the recovery key of such a one; the request's takes its place. Refuses where a new
/// one would cost keys of volumes that left the manifest in another way. A new one is sealed only under a
/// storage root key that may be trusted (core/slots/srk_trust.hpp), unsealed again and compared. Throws Error
/// with its advice.
[[nodiscard]] EnrolledMaster obtain_master(const EnrollContext& context, Tpm& tpm, const Manifest& manifest,
                                           const EnrollRequest& request, const std::vector<Fekek>& keys);

[[noreturn]] void throw_master_refusal(const Store& store, std::string_view name,
                                       const MasterRefusal& refusal);

} // namespace sealmount
