// Which storage root key a master key may be sealed under. Whoever sits between the system and its TPM can
// show a key of his own and read all that is sent under it, so a key is used only if its name is known:
// from the master keys of this store, or from systemd, or from a person who says that the TPM is another one.
// Where nobody knows it, the first one is trusted, and said so.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/master/seal_slot.hpp"
#include "core/store/store.hpp"

#include <string>
#include <vector>

namespace sealmount {

/// Who knows that a storage root key is the TPM's.
enum class SrkTrust {
    pinned,    ///< a master key of this store is sealed under it already
    systemd,   ///< systemd has noted the same
    accepted,  ///< a person: the TPM is another one than before
    first_use, ///< nobody
};

/// "pinned", "systemd", "accepted" or "first-use", for programs: stable.
[[nodiscard]] const char* to_string(SrkTrust trust) noexcept;

struct TrustedSrk {
    TpmName name;
    bool is_new = false; ///< it was made for this
    SrkTrust trust = SrkTrust::pinned;
};

/// The one that a master key is pinned to.
struct SrkPin {
    std::string master;
    TpmName name;
};

/// Those of all master keys that the manifest refers to and whose files can be read.
[[nodiscard]] std::vector<SrkPin> srk_pins(const Store& store);

struct SrkQuestion {
    std::vector<SrkPin> pins;
    bool accepts_new_tpm = false;   ///< a person has said so
    const Paths* systemd = nullptr; ///< where systemd's notes lie; nullptr when they are about another TPM
};

/// The key that may be sealed under; made where there is none and none is pinned. An evicted one is made
/// again. Throws Error{refused} when it is another one than the pinned ones or than systemd's
/// (systemd-tpm2-setup.service(8), *.tpm2b_public: this boot's in /run, else that of /var/lib), unless that
/// is accepted; Error{bad_data} when a note of systemd's is not a public key; Error as srk_to_seal_under().
[[nodiscard]] TrustedSrk trusted_srk(Tpm& tpm, const SrkQuestion& question);

} // namespace sealmount
