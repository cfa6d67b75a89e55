// The key in dracut's pair of blobs: a master key, and an encrypted key under it.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/ecryptfs/key_source.hpp"
#include "core/slots/srk_trust.hpp"
#include "sys/tpm/tpm.hpp"

#include <memory>
#include <string>
#include <vector>

namespace sealmount {

/// The master key in a blob of the kernel: `text` is the output of `keyctl pipe` for a trusted key, without
/// line end. `pins`: what the master keys here are sealed under; a key at the SRK's handle must be that then.
/// Throws Error{bad_data} when that is not a key of a TPM 2.0, Error{refused} when this TPM does not open it.
[[nodiscard]] SecretBytes open_trusted_blob(Tpm& tpm, const std::string& text,
                                            const std::vector<SrkPin>& pins);

/// The key in `text`, the output of `keyctl pipe` for an encrypted key, without line end. Throws
/// Error{bad_data} when it is not one in eCryptfs format under this master key.
[[nodiscard]] std::unique_ptr<KeySource> dracut_keys(const std::string& text, const SecretBytes& master);

} // namespace sealmount
