// The master key of an enrollment: a new one, or one that is there and opens.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/enroll/enroll.hpp"

#include <string_view>

namespace sealmount {

struct EnrolledMaster {
    MasterFile file;
    SecretBytes key;
    bool is_new = false;
    bool new_srk = false;
    std::optional<TrustedSrk> srk{};         ///< of a new one
    std::optional<unsigned> recovery_slot{}; ///< new, so that the file has to be written
    std::string on_disk{};                   ///< the text of its file, "" where there is none

    [[nodiscard]] bool is_unwritten() const { return is_new || recovery_slot.has_value(); }
    /// Its file was written: from now on it is one that was there.
    void note_written();
};

/// Unseals the master key that the request names. A new one is sealed where there is none; and also in place
/// of one that no volume of the manifest refers to and that does not open any more, or was sealed to other
/// PCRs than asked for: a killed enrollment left it. Nobody can have seen the recovery key of such a one; the
/// request's takes its place. A new one is sealed only under a storage root key that may be trusted
/// (core/slots/srk_trust.hpp), and is proved: unsealed again and compared. Throws Error with its advice.
[[nodiscard]] EnrolledMaster obtain_master(const EnrollContext& context, Tpm& tpm, const Manifest& manifest,
                                           const EnrollRequest& request);

[[noreturn]] void throw_master_refusal(std::string_view name, const MasterRefusal& refusal);

} // namespace sealmount
