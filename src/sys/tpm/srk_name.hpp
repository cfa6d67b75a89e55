// Names of storage root keys: for people, for comparing, and from the files of others.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "base/bytes.hpp"
#include "base/refusal.hpp"
#include "sys/tpm/tpm.hpp"

#include <optional>
#include <string>

namespace sealmount {

/// The first 64 bits of the digest in a name, in groups, e.g. "3f2a-91c0-77de-12ab": for people who compare
/// machines. Nothing is decided by it. The whole name in hex where it is too short for that.
[[nodiscard]] std::string short_form(const TpmName& name);

/// srk_changed, with both names as its detail.
[[nodiscard]] Refusal another_srk(const TpmName& expected, const TpmName& found);

/// The name of the key whose whole TPM2B_PUBLIC this is (TPM 2.0 Part 2, 12.2.5; Part 1, 16), with nameAlg
/// SHA-256. Nothing for other bytes.
[[nodiscard]] std::optional<TpmName> name_of_public(BytesView tpm2b_public);

} // namespace sealmount
